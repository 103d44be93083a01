/* Checkpoints beside training: what is on the disk when, and what becomes best.pt. */
#include "save.h"

#include <fcntl.h>
#include <math.h>

#include "base/clock.h"
#include "small_run.h"

static const char held_out[] = "data.val_fraction = 0.3\n";

struct bench {
    struct small_run run;
    struct saver *saver;
};

static struct comm *world;
static struct errmsg em;

/* OUT/NAME; valid until the next call. */
static const char *in_run(const struct bench *b, const char *name)
{
    static char path[PATH_BYTES_MAX];
    assert_true(path_join(path, sizeof path, b->run.session.run.out, name));
    return path;
}

static struct bench *bench_new(const char *keys)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    em = (struct errmsg){0};
    small_run_init(&b->run, world, keys);
    fclose(fopen(in_run(b, "metrics.jsonl"), "w"));
    assert_ok(saver_open(&b->run.session, &b->saver, &em));
    return b;
}

static void bench_free(struct bench *b)
{
    saver_close(b->saver);
    small_run_release(&b->run);
    free(b);
}

/* The step of the checkpoint that latest.pt or best.pt leads to; -1: none. */
static int64_t step_of(const struct bench *b, const char *link)
{
    char name[64] = "", path[32];
    long long step = -1;
    snprintf(path, sizeof path, "checkpoints/%s", link);
    if (readlink(in_run(b, path), name, sizeof name - 1) > 0)
        assert_int_equal(sscanf(name, "step-%lld.pt", &step), 1);
    return step;
}

/* Saves the state of a step whose validation measured this; not validated: NaN. Is it there? */
static bool save(struct bench *b, int64_t step, double measured)
{
    small_run_go_to(&b->run, step);
    if (!isnan(measured))
        b->run.session.val_compared = measured;
    saver_save(b->saver, clock_seconds(), !isnan(measured));
    return saver_finish(b->saver);
}

static void what_was_saved_is_on_the_disk(void **state)
{
    (void)state;
    struct bench *b = bench_new("");
    char path[PATH_BYTES_MAX];
    assert_true(saver_seconds(b->saver) == 0);
    assert_true(save(b, 5, NAN));
    assert_int_equal(step_of(b, "latest.pt"), 5);
    assert_int_equal(step_of(b, "best.pt"), -1); /* nothing is known of it */
    assert_ok(run_folder_checkpoint(b->run.session.run.out, 5, path, &em));
    assert_ok(run_folder_verify(path, &em));
    assert_true(saver_seconds(b->saver) > 0);
    assert_true(save(b, 7, NAN));
    assert_int_equal(step_of(b, "latest.pt"), 7);
    bench_free(b);
}

/* Training goes on while the copy is written: the copy, not the model, is what one goes back to. */
static void going_back_takes_the_copy(void **state)
{
    (void)state;
    struct bench *b = bench_new("");
    small_run_go_to(&b->run, 3);
    saver_save(b->saver, clock_seconds(), false);
    small_run_go_to(&b->run, 9);
    assert_ok(saver_go_back(b->saver, &em));
    assert_stands_at(&b->run, 3);
    assert_true(saver_finish(b->saver));
    small_run_go_to(&b->run, 11);
    assert_ok(saver_keep(b->saver, &em)); /* without a file */
    small_run_go_to(&b->run, 13);
    assert_ok(saver_go_back(b->saver, &em));
    assert_stands_at(&b->run, 11);
    assert_int_equal(step_of(b, "latest.pt"), 3);
    bench_free(b);
}

static void the_best_validation_becomes_best(void **state)
{
    (void)state;
    struct bench *b = bench_new(held_out);
    struct train_state *t = &b->run.session.state;
    t->collapse.in_a_row = 1; /* of no use, but there is no other */
    assert_true(save(b, 1, 0.5));
    t->collapse.in_a_row = 0;
    assert_int_equal(step_of(b, "best.pt"), 1);
    assert_true(save(b, 2, 0.7)); /* worse */
    assert_int_equal(step_of(b, "best.pt"), 1);
    b->run.session.val_compared = 0.1; /* of an earlier step: not what is saved */
    assert_true(save(b, 3, NAN));
    assert_int_equal(step_of(b, "best.pt"), 1);
    assert_true(t->best_value == 0.5);
    t->collapse.in_a_row = 1;
    assert_true(save(b, 4, 0.2)); /* better, and of no use */
    assert_int_equal(step_of(b, "best.pt"), 1);
    t->collapse.in_a_row = 0;
    assert_true(save(b, 5, 0.4));
    assert_int_equal(step_of(b, "best.pt"), 5);
    assert_int_equal(t->best_step, 5);
    assert_true(t->best_value == 0.4);
    assert_int_equal(step_of(b, "latest.pt"), 5);
    bench_free(b);
}

static void without_held_out_pictures_the_latest_is_best(void **state)
{
    (void)state;
    struct bench *b = bench_new("data.val_fraction = 0\n");
    assert_true(save(b, 1, 0.5));
    assert_true(save(b, 2, 0.7));
    assert_int_equal(step_of(b, "best.pt"), 2);
    bench_free(b);
}

/* Nothing is lost but that one: best.pt's value is taken back, and the next one is written. */
static void a_failed_write_is_told_and_another_one_works(void **state)
{
    (void)state;
    struct bench *b = bench_new(held_out);
    char aside[PATH_BYTES_MAX];
    assert_true(save(b, 1, 0.5));
    assert_true(path_join(aside, sizeof aside, b->run.session.run.out, "aside"));
    assert_int_equal(rename(in_run(b, "checkpoints"), aside), 0);
    assert_false(save(b, 2, 0.3));
    assert_true(b->run.session.state.best_value == 0.5);
    assert_int_equal(b->run.session.state.best_step, 1);
    assert_false(saver_due(b->saver)); /* not at once */
    assert_int_equal(rename(aside, in_run(b, "checkpoints")), 0);
    assert_true(save(b, 3, 0.4)); /* better than the 0.5 that is on the disk */
    assert_int_equal(step_of(b, "best.pt"), 3);
    bench_free(b);
}

static void it_is_due_by_time(void **state)
{
    (void)state;
    struct bench *b = bench_new("checkpoint.every_minutes = 0\n");
    assert_false(saver_due(b->saver));
    b->run.session.run.config.checkpoint.every_minutes = 1e6;
    assert_false(saver_due(b->saver));
    b->run.session.run.config.checkpoint.every_minutes = 1e-12;
    while (!saver_due(b->saver)) /* once the clock has moved */
        ;
    bench_free(b);
}

/* A disk that hangs: in the temporary file's place is a pipe that nobody reads yet. */
static void none_is_due_while_one_is_being_written(void **state)
{
    (void)state;
    struct bench *b = bench_new("checkpoint.every_minutes = 1e-12\n");
    char temporary[PATH_BYTES_MAX], bytes[4096];
    assert_ok(run_folder_temporary(b->run.session.run.out, 4, temporary, &em));
    assert_int_equal(mkfifo(temporary, 0600), 0);
    small_run_go_to(&b->run, 4);
    saver_save(b->saver, clock_seconds(), false);
    assert_false(saver_due(b->saver));
    saver_poll(b->saver);
    assert_int_equal(step_of(b, "latest.pt"), -1);
    assert_true(saver_seconds(b->saver) == 0);
    int reader = open(temporary, O_RDONLY);
    assert_true(reader >= 0);
    while (read(reader, bytes, sizeof bytes) > 0)
        ;
    close(reader);
    assert_true(saver_finish(b->saver));
    assert_int_equal(step_of(b, "latest.pt"), 4);
    assert_true(saver_due(b->saver));
    bench_free(b);
}

/* As on ranks other than 0. */
static void without_a_saver_nothing_happens(void **state)
{
    (void)state;
    saver_save(NULL, 0, true);
    saver_poll(NULL);
    assert_false(saver_due(NULL));
    assert_ok(saver_keep(NULL, &em));
    assert_true(saver_finish(NULL));
    assert_true(saver_seconds(NULL) == 0);
    saver_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_is_on_the_disk),
        cmocka_unit_test(going_back_takes_the_copy),
        cmocka_unit_test(the_best_validation_becomes_best),
        cmocka_unit_test(without_held_out_pictures_the_latest_is_best),
        cmocka_unit_test(a_failed_write_is_told_and_another_one_works),
        cmocka_unit_test(it_is_due_by_time),
        cmocka_unit_test(none_is_due_while_one_is_being_written),
        cmocka_unit_test(without_a_saver_nothing_happens),
    };
    const struct comm_options options = {.backend = COMM_SELF};
    if (comm_open(&options, &world, &em) != ST_OK) {
        fprintf(stderr, "%s\n", em.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_close(world);
    return failed;
}
