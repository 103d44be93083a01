/* Which of some trials is suggested, and when there is nothing to learn from another. */
#include "batch_trials.h"

#include "testing.h"

/* Trials of 1, 2, 4 … pairs with these speeds and peaks; a speed of 0 ends the list. */
static struct batch_trials trials_of(const double *speeds, const double *peaks)
{
    struct batch_trials t = {0};
    for (; speeds[t.n] > 0; t.n++)
        t.list[t.n] = (struct batch_trial){.pairs = batch_trials_next(&t),
                                           .images_per_s = speeds[t.n],
                                           .peak = peaks ? peaks[t.n] : 0};
    return t;
}

static void pairs_double(void **state)
{
    (void)state;
    struct batch_trials t = trials_of((const double[]){1, 1, 1, 1, 0}, NULL);
    assert_int_equal(t.list[0].pairs, 1);
    assert_int_equal(t.list[3].pairs, 8);
    assert_int_equal(batch_trials_next(&t), 16);
}

static void it_goes_on_while_speed_grows_and_over_one_bad_trial(void **state)
{
    (void)state;
    struct batch_trials t = trials_of((const double[]){10, 0}, NULL);
    assert_int_equal(batch_trials_end(&t, 1000), BATCH_GOES_ON);
    t = trials_of((const double[]){10, 10, 0}, NULL);
    assert_int_equal(batch_trials_end(&t, 1000), BATCH_GOES_ON);
    t = trials_of((const double[]){10, 18, 18.5, 0}, NULL);
    assert_int_equal(batch_trials_end(&t, 1000), BATCH_GOES_ON);
    t = trials_of((const double[]){10, 18, 30, 40, 45, 0}, NULL);
    assert_int_equal(batch_trials_end(&t, 1000), BATCH_GOES_ON);
    t = trials_of((const double[]){10, 18, 12, 30, 0}, NULL);
    assert_int_equal(batch_trials_end(&t, 1000), BATCH_GOES_ON);
    t = trials_of((const double[]){10, 18, 18.2, 18.8, 0}, NULL);
    assert_int_equal(batch_trials_end(&t, 1000), BATCH_SPEED);
    t = trials_of((const double[]){10, 18, 12, 9, 0}, NULL);
    assert_int_equal(batch_trials_end(&t, 1000), BATCH_SPEED);
}

static void the_last_pictures_end_it_whatever_the_speed(void **state)
{
    (void)state;
    struct batch_trials slower = trials_of((const double[]){10, 18, 12, 9, 0}, NULL);
    struct batch_trials faster = trials_of((const double[]){10, 18, 30, 40, 0}, NULL);
    assert_int_equal(batch_trials_end(&slower, 16), BATCH_SPEED);
    assert_int_equal(batch_trials_end(&faster, 16), BATCH_GOES_ON);
    assert_int_equal(batch_trials_end(&slower, 15), BATCH_PICTURES);
    assert_int_equal(batch_trials_end(&faster, 15), BATCH_PICTURES);
    assert_int_equal(batch_trials_end(&(struct batch_trials){0}, 0), BATCH_PICTURES);
}

static void the_smallest_that_is_about_as_fast_as_the_fastest(void **state)
{
    (void)state;
    struct batch_trials t = trials_of((const double[]){10, 18, 20, 20.5, 20.2, 0}, NULL);
    assert_int_equal(batch_trials_best(&t), 2);
    t = trials_of((const double[]){10, 18, 19, 21, 0}, NULL);
    assert_int_equal(batch_trials_best(&t), 3);
    t = trials_of((const double[]){10, 0}, NULL);
    assert_int_equal(batch_trials_best(&t), 0);
}

static void memory_grows_by_what_was_measured_or_planned(void **state)
{
    (void)state;
    const double speeds[] = {1, 1, 1, 0}, peaks[] = {100, 110, 130};
    struct batch_trials t = {0};
    assert_true(batch_trials_growth(&t, 30) >= 30);
    t = trials_of(speeds, peaks);
    assert_true(batch_trials_growth(&t, 0) >= 40); /* 130 is to become 170 */
    assert_true(batch_trials_growth(&t, 0) < 80);
    assert_true(batch_trials_growth(&t, 90) >= 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_double),
        cmocka_unit_test(it_goes_on_while_speed_grows_and_over_one_bad_trial),
        cmocka_unit_test(the_last_pictures_end_it_whatever_the_speed),
        cmocka_unit_test(the_smallest_that_is_about_as_fast_as_the_fastest),
        cmocka_unit_test(memory_grows_by_what_was_measured_or_planned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
