/* A run's folder: its lock, its checkpoints, and what is found after damage. */
#define _XOPEN_SOURCE 700 /* nftw */

#include "run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/checked.h"
#include "base/hash.h"
#include "testing.h"

static struct errmsg em;

/* A fresh OUT (not made yet) for each test. */
static int setup(void **state)
{
    char *scratch = scratch_new(), *out = malloc(PATH_BYTES_MAX);
    assert_true(path_join(out, PATH_BYTES_MAX, scratch, "run"));
    free(scratch);
    em = (struct errmsg){0};
    *state = out;
    return 0;
}

static int remove_entry(const char *path, const struct stat *s, int kind, struct FTW *place)
{
    (void)s, (void)kind, (void)place;
    return remove(path);
}

static int teardown(void **state)
{
    char scratch[PATH_BYTES_MAX];
    path_folder(*state, scratch, sizeof scratch);
    free(*state);
    return nftw(scratch, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* OUT/checkpoints/NAME; valid until the next call. */
static const char *in_checkpoints(const char *out, const char *name)
{
    static char path[PATH_BYTES_MAX];
    assert_in_range(snprintf(path, sizeof path, "%s/checkpoints/%s", out, name), 1,
                    sizeof path - 1);
    return path;
}

static bool has(const char *out, const char *name)
{
    struct stat s;
    return lstat(in_checkpoints(out, name), &s) == 0;
}

static void put(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static struct run_folder *open_run(const char *out)
{
    struct run_folder *f = NULL;
    assert_ok(run_folder_open(out, true, 0, &f, &em));
    assert_ok(run_folder_begin(f, "config_version = 1\n", &em));
    return f;
}

/* Stands for a checkpoint: the smallest zip archive is an end record alone, with one header. */
static void save(const char *out, int64_t step, bool best, int keep)
{
    char temporary[PATH_BYTES_MAX], bytes[4 + 8 + 22] = "PK\3\4";
    memcpy(bytes + 4, &step, sizeof step);
    memcpy(bytes + 12, "PK\5\6", 4);
    assert_ok(run_folder_temporary(out, step, temporary, &em));
    put(temporary, bytes, sizeof bytes);
    assert_ok(run_folder_commit_checkpoint(out, temporary, hash128(bytes, sizeof bytes), step, best,
                                           keep, &em));
    assert_false(file_exists(temporary));
}

static void assert_resumes_from(const char *out, const char *name)
{
    char path[PATH_BYTES_MAX];
    assert_ok(run_folder_find_resume(out, NULL, NULL, path, &em));
    assert_string_equal(path_name(path), name);
}

static void goes_on_from(const char *out, int64_t step)
{
    char name[64];
    snprintf(name, sizeof name, "step-%010" PRId64 ".pt", step);
    assert_resumes_from(out, name);
    run_folder_set_aside(out, step);
}

static void assert_link(const char *out, const char *name, const char *wanted)
{
    char target[PATH_BYTES_MAX];
    ssize_t n = readlink(in_checkpoints(out, name), target, sizeof target - 1);
    assert_true(n > 0);
    target[n] = '\0';
    assert_string_equal(target, wanted);
}

static void flip_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    int byte = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_not_equal(fputc(byte ^ 1, f), EOF);
    fclose(f);
}

static void a_new_folder_is_laid_out(void **state)
{
    const char *out = *state;
    char path[PATH_BYTES_MAX];
    uint8_t *text;
    size_t n;
    struct run_folder *f = open_run(out);
    assert_true(path_join(path, sizeof path, out, "config.resolved.toml"));
    assert_ok(file_read_all(path, 100, &text, &n, &em));
    assert_string_equal((char *)text, "config_version = 1\n");
    free(text);
    assert_true(path_join(path, sizeof path, out, "previews"));
    assert_true(folder_exists(path));
    assert_ok(run_folder_find_resume(out, NULL, NULL, path, &em));
    assert_string_equal(path, "");
    run_folder_free(f);
}

static void a_checkpoint_has_its_hash_and_relative_links(void **state)
{
    const char *out = *state;
    uint8_t *line;
    size_t n;
    struct hash128 hash;
    char want[128], hex[HASH128_HEX_BYTES];
    struct run_folder *f = open_run(out);
    save(out, 7, true, 3);
    assert_ok(hash128_file(in_checkpoints(out, "step-0000000007.pt"), &hash, &em));
    hash128_hex(hash, hex);
    snprintf(want, sizeof want, "%s  step-0000000007.pt\n", hex);
    assert_ok(file_read_all(in_checkpoints(out, "step-0000000007.pt.xxh3"), 200, &line, &n, &em));
    assert_string_equal((char *)line, want);
    free(line);
    save(out, 9, false, 3);
    assert_link(out, "latest.pt", "step-0000000009.pt");
    assert_link(out, "best.pt", "step-0000000007.pt");
    assert_ok(run_folder_verify(in_checkpoints(out, "best.pt"), &em));
    assert_resumes_from(out, "step-0000000009.pt");
    run_folder_free(f);
}

static void the_newest_are_kept_and_the_best(void **state)
{
    const char *out = *state;
    struct run_folder *f = open_run(out);
    for (int step = 1; step <= 6; step++)
        save(out, step, step == 2, 3);
    assert_false(has(out, "step-0000000001.pt") || has(out, "step-0000000001.pt.xxh3"));
    assert_true(has(out, "step-0000000002.pt") && has(out, "step-0000000002.pt.xxh3"));
    assert_false(has(out, "step-0000000003.pt"));
    assert_true(has(out, "step-0000000004.pt"));
    save(out, 7, true, 1); /* two stay whatever is asked */
    assert_false(has(out, "step-0000000002.pt") || has(out, "step-0000000005.pt"));
    assert_true(has(out, "step-0000000006.pt") && has(out, "step-0000000007.pt"));
    run_folder_free(f);
}

static void damage_falls_back_to_the_one_before(void **state)
{
    const char *out = *state;
    struct run_folder *f = open_run(out);
    for (int step = 1; step <= 4; step++)
        save(out, step, step == 1, 9);
    flip_byte(in_checkpoints(out, "step-0000000004.pt"), 6);
    assert_int_equal(truncate(in_checkpoints(out, "step-0000000003.pt"), 20), 0);
    assert_status(run_folder_verify(in_checkpoints(out, "step-0000000003.pt"), &em), ST_DATA);
    assert_text_has(em.text, "step-0000000003.pt is damaged");
    em = (struct errmsg){0};
    assert_resumes_from(out, "step-0000000002.pt");
    assert_true(has(out, "step-0000000004.pt") && has(out, "step-0000000003.pt")); /* untouched */
    goes_on_from(out, 2);

    /* set aside, so that they neither count among those kept nor are tried again */
    assert_true(has(out, "step-0000000004.pt.refused") && !has(out, "step-0000000004.pt"));
    assert_link(out, "latest.pt", "step-0000000002.pt");
    assert_link(out, "best.pt", "step-0000000001.pt");
    save(out, 5, false, 2);
    assert_true(has(out, "step-0000000002.pt"));
    assert_resumes_from(out, "step-0000000005.pt");
    run_folder_free(f);
}

static void nothing_sound_is_an_error_each_time(void **state)
{
    const char *out = *state;
    char path[PATH_BYTES_MAX];
    struct run_folder *f = open_run(out);
    save(out, 1, false, 9);
    save(out, 2, false, 9);
    flip_byte(in_checkpoints(out, "step-0000000001.pt"), 9);
    flip_byte(in_checkpoints(out, "step-0000000002.pt.xxh3"), 3);
    for (int i = 0; i < 2; i++) {
        em = (struct errmsg){0};
        assert_status(run_folder_find_resume(out, NULL, NULL, path, &em), ST_DATA);
        assert_text_has(em.text, "all 2 checkpoints");
    }
    assert_int_equal(unlink(in_checkpoints(out, "step-0000000002.pt")), 0);
    em = (struct errmsg){0};
    assert_status(run_folder_find_resume(out, NULL, NULL, path, &em), ST_DATA);
    assert_text_has(em.text, "the only checkpoint in");
    run_folder_free(f);
}

static void without_a_hash_a_whole_archive_is_taken(void **state)
{
    const char *out = *state;
    struct run_folder *f = open_run(out);
    save(out, 1, false, 9);
    save(out, 2, false, 9);
    assert_int_equal(unlink(in_checkpoints(out, "step-0000000002.pt.xxh3")), 0);
    assert_resumes_from(out, "step-0000000002.pt");
    assert_int_equal(truncate(in_checkpoints(out, "step-0000000002.pt"), 30), 0);
    goes_on_from(out, 1);
    /* other files are nobody's checkpoints; one under our name is refused */
    put(in_checkpoints(out, "step-99.pt"), "PK\3\4", 4);
    put(in_checkpoints(out, "step-0000000099.ptx"), "x", 1);
    put(in_checkpoints(out, "step-0000000050.pt"), "a letter, not a checkpoint, long enough", 39);
    goes_on_from(out, 1);
    assert_true(has(out, "step-99.pt") && has(out, "step-0000000050.pt.refused"));
    run_folder_free(f);
}

static void a_broken_sidecar_is_named(void **state)
{
    const char *out = *state;
    struct run_folder *f = open_run(out);
    save(out, 1, false, 9);
    assert_int_equal(truncate(in_checkpoints(out, "step-0000000001.pt.xxh3"), 31), 0);
    assert_status(run_folder_verify(in_checkpoints(out, "step-0000000001.pt"), &em), ST_DATA);
    assert_text_has(em.text, "step-0000000001.pt.xxh3 holds no XXH3-128 hash");
    em = (struct errmsg){0};
    put(in_checkpoints(out, "step-0000000001.pt.xxh3"), "a note, longer than the hash would be\n",
        38);
    assert_status(run_folder_verify(in_checkpoints(out, "step-0000000001.pt"), &em), ST_DATA);
    assert_text_has(em.text, "step-0000000001.pt.xxh3 holds no XXH3-128 hash");
    run_folder_free(f);
}

static void a_missing_file_is_named(void **state)
{
    assert_status(run_folder_verify(*state, &em), ST_NOINPUT);
    assert_text_has(em.text, *state);
}

static void leftovers_of_a_killed_run_go(void **state)
{
    static const char *const stale[] = {"step-0000000003.pt.tmp",
                                        "step-0000000003.pt.xxh3.tmp.12",
                                        "latest.pt.tmp.4711",
                                        "step-0000000003.pt.xxh3",
                                        "../run.json.tmp.7",
                                        "../previews/step-7-grid.png.tmp.7"};
    static const char *const others[] = {"notes.tmp", "step-0000000003.pt.tmp.mine",
                                         "step-0000000001.pt", "step-0000000001.pt.xxh3"};
    const char *out = *state;
    run_folder_free(open_run(out));
    save(out, 1, false, 2);
    for (size_t i = 0; i < ARRAY_LENGTH(stale); i++)
        put(in_checkpoints(out, stale[i]), "x", 1);
    put(in_checkpoints(out, others[0]), "x", 1);
    put(in_checkpoints(out, others[1]), "x", 1);
    run_folder_free(open_run(out));
    for (size_t i = 0; i < ARRAY_LENGTH(stale); i++)
        assert_false(has(out, stale[i]));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_true(has(out, others[i]));
}

static void another_run_is_not_overwritten(void **state)
{
    const char *out = *state;
    struct run_folder *f = NULL;
    assert_ok(run_folder_open(out, false, 0, &f, &em));
    assert_ok(run_folder_begin(f, "a = 1\n", &em));
    run_folder_free(f);
    assert_ok(run_folder_open(out, false, 0, &f, &em)); /* nothing is lost yet */
    save(out, 12, false, 2);
    run_folder_free(f);
    assert_status(run_folder_open(out, false, 0, &f, &em), ST_USAGE);
    assert_text_has(em.text, out);
    assert_text_has(em.text, "step 12: --resume auto goes on with it, --out DIR starts another");
    em = (struct errmsg){0};
    run_folder_free(open_run(out));
}

static void a_run_that_never_began_leaves_nothing(void **state)
{
    const char *out = *state;
    char deep[PATH_BYTES_MAX], lock[PATH_BYTES_MAX];
    struct run_folder *f = NULL;
    assert_true(path_join(deep, sizeof deep, out, "deep"));
    assert_ok(run_folder_open(deep, true, 0, &f, &em));
    assert_true(path_join(lock, sizeof lock, deep, ".lock"));
    assert_true(file_exists(lock));
    run_folder_free(f);
    assert_false(folder_exists(out));

    run_folder_free(open_run(out)); /* but another run's folder stays as it is */
    assert_ok(run_folder_open(out, true, 0, &f, &em));
    run_folder_free(f);
    assert_true(path_join(lock, sizeof lock, out, ".lock"));
    assert_true(file_exists(lock) && has(out, ""));
}

static enum status takes_step_2(void *ctx, const char *path, int64_t step, bool *final,
                                struct errmsg *e)
{
    (*(int *)ctx)++;
    *final = step == 5;
    return step == 2 ? ST_OK : FAIL(e, ST_CONFIG, "%s is another one's", path);
}

static void whole_ones_that_do_not_fit_are_passed_over(void **state)
{
    const char *out = *state;
    char path[PATH_BYTES_MAX];
    int asked = 0;
    struct run_folder *f = open_run(out);
    for (int step = 1; step <= 4; step++)
        save(out, step, false, 9);
    flip_byte(in_checkpoints(out, "step-0000000003.pt"), 6);
    assert_ok(run_folder_find_resume(out, takes_step_2, &asked, path, &em));
    assert_string_equal(path_name(path), "step-0000000002.pt");
    assert_int_equal(asked, 2); /* a damaged one is not even opened */
    run_folder_set_aside(out, 2);
    assert_true(has(out, "step-0000000004.pt.refused") && has(out, "step-0000000001.pt"));

    assert_int_equal(unlink(in_checkpoints(out, "step-0000000002.pt")), 0);
    assert_status(run_folder_find_resume(out, takes_step_2, &asked, path, &em), ST_CONFIG);
    assert_text_has(em.text, "step-0000000001.pt is another one's");
    assert_true(has(out, "step-0000000001.pt")); /* nothing is set aside without a better one */
    run_folder_free(f);
}

static void a_reason_that_is_final_ends_the_search(void **state)
{
    const char *out = *state;
    char path[PATH_BYTES_MAX];
    int asked = 0;
    struct run_folder *f = open_run(out);
    save(out, 2, false, 9);
    save(out, 5, false, 9);
    assert_status(run_folder_find_resume(out, takes_step_2, &asked, path, &em), ST_CONFIG);
    assert_text_has(em.text, "step-0000000005.pt is another one's");
    assert_int_equal(asked, 1);
    assert_true(has(out, "step-0000000005.pt"));
    run_folder_free(f);
}

/* Killed between naming a checkpoint and linking to it. */
static void links_that_lag_behind_are_put_right(void **state)
{
    const char *out = *state;
    char target[64];
    struct run_folder *f = open_run(out);
    for (int step = 1; step <= 3; step++)
        save(out, step, step == 1, 9);
    static const char *const names[] = {"latest.pt", "best.pt"};
    static const char *const wanted[] = {"step-0000000003.pt", "step-0000000002.pt"};
    assert_int_equal(unlink(in_checkpoints(out, "latest.pt")), 0);
    run_folder_relink(out, 3, 2);
    run_folder_relink(out, 3, 7); /* pruned: best.pt stays */
    for (int i = 0; i < 2; i++) {
        ssize_t n = readlink(in_checkpoints(out, names[i]), target, sizeof target - 1);
        assert_true(n > 0);
        target[n] = '\0';
        assert_string_equal(target, wanted[i]);
    }
    run_folder_free(f);
}

/* Holds the folder in a child until the pipe's other end is closed or the child is killed. */
static pid_t hold_in_child(const char *out, int *release)
{
    int ready[2], end[2];
    char byte;
    assert_true(pipe(ready) == 0 && pipe(end) == 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct run_folder *f;
        close(end[1]);
        bool good = run_folder_open(out, true, 0, &f, &em) == ST_OK;
        good = write(ready[1], good ? "y" : "n", 1) == 1;
        good = read(end[0], &byte, 1) == 0;
        _exit(!good);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ready[0]);
    close(ready[1]);
    close(end[0]);
    *release = end[1];
    return child;
}

static void a_held_folder_is_refused_until_its_holder_dies(void **state)
{
    const char *out = *state;
    struct run_folder *f = NULL;
    char holder[64];
    int release, how;
    pid_t child = hold_in_child(out, &release);
    snprintf(holder, sizeof holder, "in use by process %ld on ", (long)child);
    assert_status(run_folder_open(out, true, 0, &f, &em), ST_USAGE);
    assert_text_has(em.text, out);
    assert_text_has(em.text, holder);
    em = (struct errmsg){0};
    assert_status(run_folder_open(out, true, 0.05, &f, &em), ST_USAGE);
    assert_text_has(em.text, holder);
    em = (struct errmsg){0};
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    close(release);
    run_folder_free(open_run(out));
}

/* The holder ends as soon as we say that we wait for it: our standard error is its pipe. */
static void a_held_folder_is_waited_for(void **state)
{
    const char *out = *state;
    struct run_folder *f = NULL;
    int release, how, error = dup(STDERR_FILENO);
    pid_t child = hold_in_child(out, &release);
    assert_true(error >= 0 && dup2(release, STDERR_FILENO) == STDERR_FILENO);
    enum status st = run_folder_open(out, true, 60, &f, &em);
    assert_int_equal(dup2(error, STDERR_FILENO), STDERR_FILENO);
    assert_ok(st);
    close(error);
    close(release);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    run_folder_free(f);
}

/* A set is tried in a forked child, which may outlive us: the lock must not live on in it. */
static void a_child_does_not_inherit_the_lock(void **state)
{
    const char *out = *state;
    int end[2], how;
    char byte;
    assert_int_equal(pipe(end), 0);
    struct run_folder *f = open_run(out);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(end[1]);
        _exit(read(end[0], &byte, 1) != 0);
    }
    run_folder_free(f);
    int release;
    pid_t holder = hold_in_child(out, &release);
    close(release);
    close(end[1]);
    assert_int_equal(waitpid(holder, &how, 0), holder);
    assert_int_equal(how, 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    close(end[0]);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    const char *out = *state;
    struct run_folder *f = NULL;
    put(out, "a file", 6);
    assert_status(run_folder_open(out, true, 0, &f, &em), ST_IO);
    assert_text_has(em.text, out);
    assert_null(f);
}

static void a_failed_commit_leaves_the_earlier_one(void **state)
{
    const char *out = *state;
    char temporary[PATH_BYTES_MAX];
    struct run_folder *f = open_run(out);
    save(out, 1, false, 2);
    assert_ok(run_folder_temporary(out, 2, temporary, &em));
    assert_status(run_folder_commit_checkpoint(out, temporary, (struct hash128){0}, 2, true, 2,
                                               &em),
                  ST_IO);
    em = (struct errmsg){0};
    assert_link(out, "latest.pt", "step-0000000001.pt");
    assert_resumes_from(out, "step-0000000001.pt");
    run_folder_free(f);
}

#define RUN_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN_TEST(a_new_folder_is_laid_out),
        RUN_TEST(a_checkpoint_has_its_hash_and_relative_links),
        RUN_TEST(the_newest_are_kept_and_the_best),
        RUN_TEST(damage_falls_back_to_the_one_before),
        RUN_TEST(nothing_sound_is_an_error_each_time),
        RUN_TEST(without_a_hash_a_whole_archive_is_taken),
        RUN_TEST(a_broken_sidecar_is_named),
        RUN_TEST(a_missing_file_is_named),
        RUN_TEST(leftovers_of_a_killed_run_go),
        RUN_TEST(another_run_is_not_overwritten),
        RUN_TEST(a_run_that_never_began_leaves_nothing),
        RUN_TEST(whole_ones_that_do_not_fit_are_passed_over),
        RUN_TEST(a_reason_that_is_final_ends_the_search),
        RUN_TEST(links_that_lag_behind_are_put_right),
        RUN_TEST(a_held_folder_is_refused_until_its_holder_dies),
        RUN_TEST(a_held_folder_is_waited_for),
        RUN_TEST(a_child_does_not_inherit_the_lock),
        RUN_TEST(a_folder_that_cannot_be_made_is_named),
        RUN_TEST(a_failed_commit_leaves_the_earlier_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
