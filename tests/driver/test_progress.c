#include "testing.h"

#include <math.h>

#include "progress.h"

/* A clock the test winds, and what was shown. */
struct watcher {
    double time_s;
    int shown;
    bool redrawn;
    char line[PROGRESS_LINE_BYTES];
};

static double watcher_clock(void *ctx)
{
    return ((struct watcher *)ctx)->time_s;
}

static void watcher_show(void *ctx, bool redraw, const char *line)
{
    struct watcher *w = ctx;
    w->shown++;
    w->redrawn = redraw;
    snprintf(w->line, sizeof w->line, "%s", line);
}

static struct progress_options options_for(struct watcher *w)
{
    return (struct progress_options){
        .epochs = 50,
        .total_steps = 6250,
        .images_per_step = 16,
        .loss_weight = {[MODEL_LOSS_L1] = 1.0, [MODEL_LOSS_DSSIM] = 0.5},
        .every_s = 10.0,
        .clock = watcher_clock,
        .show = watcher_show,
        .ctx = w,
    };
}

static struct progress_update update_of(int64_t step, double wait_s)
{
    struct progress_update u = {.epoch = 3, .step = step, .data_wait_s = wait_s};
    u.losses.total = 0.0412;
    u.losses.term[MODEL_A][MODEL_LOSS_L1] = 0.0200;
    u.losses.term[MODEL_A][MODEL_LOSS_DSSIM] = 0.0020;
    u.losses.term[MODEL_B][MODEL_LOSS_L1] = 0.0202;
    return u;
}

static void do_steps(struct progress *p, struct watcher *w, int64_t first, int64_t last,
                     double step_s)
{
    for (int64_t step = first; step <= last; step++) {
        w->time_s += step_s;
        struct progress_update u = update_of(step, step_s / 50.0);
        progress_step(p, &u);
    }
}

static void the_line_says_where_and_how_fast(void **unused)
{
    (void)unused;
    struct watcher w = {.time_s = 1000.0};
    struct progress_options o = options_for(&w);
    o.first_step = 271;
    struct progress p;
    progress_init(&p, &o);
    progress_set_val(&p, &(struct progress_val){0.0433, 0.039, 0.057});
    do_steps(&p, &w, 272, 372, 0.125);
    char line[PROGRESS_LINE_BYTES];
    progress_format(&p, line);
    /* 16 / 0.125 = 128; (6250 - 372) * 0.125 = 734.75 s */
    assert_string_equal(
        line,
        "epoch 3/50  step 372/6250  loss 0.0412 (A 0.0210 B 0.0202)  "
        "val 0.0433 (L1 recon 0.0390 swap 0.0570)  128 images/s  data 2.0 %  12 min 15 s left");
}

static void a_stage_is_told_and_the_time_of_those_to_come(void **unused)
{
    (void)unused;
    struct watcher w = {.time_s = 1000.0};
    struct progress_options o = options_for(&w);
    o.steps_to_come = 57600;
    snprintf(o.stage, sizeof o.stage, "stage 2 of 3, 256 px");
    struct progress p;
    progress_init(&p, &o);
    do_steps(&p, &w, 1, 10, 0.125);
    char line[PROGRESS_LINE_BYTES];
    progress_format(&p, line);
    assert_text_has(line, "stage 2 of 3, 256 px  epoch 3/50  step 10/6250  loss");
    /* (6250 - 10) * 0.125 = 780 s; 57600 * 0.125 = 7200 s */
    assert_text_has(line, " 13 min 00 s left in this stage, about 2 h 13 min in all");
    progress_finish(&p);
    assert_text_has(w.line, "stage 2 of 3, 256 px: 10 steps in 1 s");
}

static void a_gpu_s_memory_is_shown(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    struct progress p;
    progress_init(&p, &o);
    struct progress_update u = update_of(1, 0.0);
    u.gpu_bytes = (int64_t)7 << 29;
    progress_step(&p, &u);
    char line[PROGRESS_LINE_BYTES];
    progress_format(&p, line);
    assert_text_has(line, "  3.5 GiB");
}

static void nothing_is_claimed_before_it_is_known(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    struct progress p;
    progress_init(&p, &o);
    assert_true(progress_stage_left_s(&p) < 0.0);
    do_steps(&p, &w, 1, 1, 30.0); /* a slow first step: warm-up */
    char line[PROGRESS_LINE_BYTES];
    progress_format(&p, line);
    assert_string_equal(line, "epoch 3/50  step 1/6250  loss 0.0412 (A 0.0210 B 0.0202)");
    assert_int_equal(w.shown, 0);
    do_steps(&p, &w, 2, 2, 0.5);
    assert_near(progress_images_per_s(&p), 32.0, 1e-9);
    assert_int_equal(w.shown, 1);
}

static void plain_lines_come_every_so_often(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    struct progress p;
    progress_init(&p, &o);
    do_steps(&p, &w, 1, 100, 0.5); /* first at step 2, then each 10 s until 50 s */
    assert_int_equal(w.shown, 5);
    assert_false(w.redrawn);
}

static void a_terminal_is_redrawn_at_most_ten_times_a_second(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    o.terminal = true;
    struct progress p;
    progress_init(&p, &o);
    do_steps(&p, &w, 1, 129, 1.0 / 128.0);
    assert_true(w.redrawn);
    assert_in_range(w.shown, 8, 11);
    progress_finish(&p);
    assert_false(w.redrawn);
}

static void old_speed_is_forgotten(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    struct progress p;
    progress_init(&p, &o);
    do_steps(&p, &w, 1, 401, 1.0);   /* 16 images/s for a long time */
    do_steps(&p, &w, 402, 441, 0.5); /* then 32 for one half-life, 20 s */
    double rate = progress_images_per_s(&p);
    /* halves of the time weigh alike: 1/2 of 16 + 1/2 of 32 */
    assert_near(rate, 24.0, 0.5);
    do_steps(&p, &w, 442, 842, 0.5);
    assert_near(progress_images_per_s(&p), 32.0, 0.1);
}

static void pauses_count_for_the_end_but_not_for_the_speed(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    o.total_steps = 21;
    struct progress p;
    progress_init(&p, &o);
    do_steps(&p, &w, 1, 11, 1.0); /* ten of them timed */
    progress_pause(&p);
    w.time_s += 5.0;
    progress_continue(&p);
    assert_near(progress_images_per_s(&p), 16.0, 1e-9);
    assert_near(progress_stage_left_s(&p), 10.0 * (1.0 + 0.5), 1e-9);
    do_steps(&p, &w, 12, 12, 1.0);
    assert_near(progress_images_per_s(&p), 16.0, 1e-9);
}

static void a_time_limit_ends_earlier(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    o.time_limit_s = 60.0;
    o.steps_to_come = 100;
    struct progress p;
    progress_init(&p, &o);
    do_steps(&p, &w, 1, 11, 1.0);
    assert_near(progress_stage_left_s(&p), 49.0, 1e-9);
    assert_near(progress_run_left_s(&p), 49.0, 1e-9);
    char line[PROGRESS_LINE_BYTES];
    progress_format(&p, line);
    assert_text_has(line, "  49 s left");
    assert_null(strstr(line, "stage"));
}

static void the_summary_names_the_best(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    struct progress p;
    progress_init(&p, &o);
    do_steps(&p, &w, 1, 41, 0.5);
    progress_set_val(&p, &(struct progress_val){0.0421, NAN, NAN});
    do_steps(&p, &w, 42, 101, 0.5);
    progress_set_val(&p, &(struct progress_val){0.0433, NAN, NAN});
    progress_finish(&p);
    assert_string_equal(w.line, "101 steps in 51 s  loss 0.0412 (A 0.0210 B 0.0202)  val 0.0433 "
                                "(best 0.0421 at step 41)  32 images/s");
    progress_set_identity(&p, (double[]){0.971, NAN}); /* no face in swaps of B's pictures */
    progress_finish(&p);
    assert_null(strstr(w.line, "identity"));
    progress_set_identity(&p, (double[]){0.971, 1.012});
    progress_finish(&p);
    assert_string_equal(w.line, "101 steps in 51 s  loss 0.0412 (A 0.0210 B 0.0202)  val 0.0433 "
                                "(best 0.0421 at step 41)  identity 0.97/1.01  32 images/s");
}

static void one_step_is_one(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    struct progress p;
    progress_init(&p, &o);
    do_steps(&p, &w, 1, 1, 2.0);
    progress_finish(&p);
    assert_text_has(w.line, "1 step in 2 s");
}

static void odd_numbers_do_no_harm(void **unused)
{
    (void)unused;
    struct watcher w = {0};
    struct progress_options o = options_for(&w);
    o.images_per_step = 0;
    o.epochs = o.total_steps = INT64_MAX;
    struct progress p;
    progress_init(&p, &o);
    progress_finish(&p); /* no step at all */
    assert_string_equal(w.line, "0 steps in 0 s");
    do_steps(&p, &w, 1, 3, 0.0); /* a clock that stands still */
    struct progress_update u = update_of(INT64_MAX, 0.0);
    u.losses.total = NAN;
    u.losses.term[MODEL_A][MODEL_LOSS_L1] = 1e300;
    progress_step(&p, &u);
    char line[PROGRESS_LINE_BYTES];
    progress_format(&p, line);
    assert_text_has(line, "loss nan");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_says_where_and_how_fast),
        cmocka_unit_test(a_stage_is_told_and_the_time_of_those_to_come),
        cmocka_unit_test(a_gpu_s_memory_is_shown),
        cmocka_unit_test(nothing_is_claimed_before_it_is_known),
        cmocka_unit_test(plain_lines_come_every_so_often),
        cmocka_unit_test(a_terminal_is_redrawn_at_most_ten_times_a_second),
        cmocka_unit_test(old_speed_is_forgotten),
        cmocka_unit_test(pauses_count_for_the_end_but_not_for_the_speed),
        cmocka_unit_test(a_time_limit_ends_earlier),
        cmocka_unit_test(the_summary_names_the_best),
        cmocka_unit_test(one_step_is_one),
        cmocka_unit_test(odd_numbers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
