/* What is read from the losses of a learning rate range test. */
#include "lr_curve.h"

#include <math.h>

#include "testing.h"

/* Falls by a sigmoid of the rate's logarithm around 1e-3, rises likewise around 1e-1. */
static double valley(double rate)
{
    double x = log10(rate);
    return 1 - 0.6 / (1 + exp(-4 * (x + 3))) + 0.9 / (1 + exp(-4 * (x + 1)));
}

static double flat(double rate)
{
    (void)rate;
    return 1;
}

static double rising(double rate)
{
    return 1.4 - 0.4 * exp(-rate);
}

static double falling(double rate)
{
    return 1 - 0.1 * log10(rate / LR_CURVE_LOWEST);
}

/* From 2 to 1 and back. */
static double dip(double rate)
{
    return 2 - exp(-pow(log10(rate) + 3, 2));
}

/* The whole test, each loss off by up to `noise` of it. */
static struct lr_curve curve_of(double (*loss)(double rate), int64_t steps, double noise)
{
    struct lr_curve c;
    struct errmsg em = {0};
    assert_int_equal(lr_curve_init(&c, steps, &em), ST_OK);
    while (!lr_curve_is_over(&c))
        lr_curve_add(&c, loss(lr_curve_rate(&c, c.n)) * (1 + noise * sin(2.3 * (double)c.n)));
    return c;
}

static void rates_rise_by_a_factor(void **state)
{
    (void)state;
    struct lr_curve c = curve_of(flat, 61, 0);
    assert_int_equal(c.n, 61);
    assert_true(fabs(lr_curve_rate(&c, 0) / 1e-6 - 1) < 1e-12);
    assert_true(fabs(lr_curve_rate(&c, 10) / 1e-5 - 1) < 1e-12);
    assert_true(fabs(lr_curve_rate(&c, 60) - 1) < 1e-12);
    lr_curve_release(&c);
}

static void a_valley_is_found_on_any_number_of_steps(void **state)
{
    (void)state;
    const int64_t steps[] = {20, 60, 200, 1000};
    for (int i = 0; i < 4; i++) {
        struct lr_curve c = curve_of(valley, steps[i], 0.02);
        struct lr_verdict v = lr_curve_judge(&c, false);
        double least = log10(lr_curve_rate(&c, v.least));
        double steepest = log10(lr_curve_rate(&c, v.steepest));
        assert_true(least > -2.5 && least < -1.8); /* -2.05 without noise and steps */
        assert_true(steepest > -3.4 && steepest < -2.6);
        assert_true(fabs(log10(v.suggestion) - (least - 1)) < 1e-9);
        assert_true(lr_curve_judge(&c, true).suggestion == lr_curve_rate(&c, v.least));
        lr_curve_release(&c);
    }
}

static void one_lucky_batch_tells_nothing(void **state)
{
    (void)state;
    struct lr_curve c = curve_of(valley, 200, 0);
    struct lr_verdict before = lr_curve_judge(&c, false);
    c.losses[20] = 0.1; /* the least of all, at 4e-6 */
    struct lr_verdict after = lr_curve_judge(&c, false);
    assert_int_equal(after.least, before.least);
    assert_true(after.suggestion == before.suggestion);
    lr_curve_release(&c);
}

static void where_the_loss_does_not_fall_nothing_is_suggested(void **state)
{
    (void)state;
    double (*const losses[])(double) = {flat, rising};
    for (int i = 0; i < 2; i++) {
        struct lr_curve c = curve_of(losses[i], 200, 0.02);
        struct lr_verdict v = lr_curve_judge(&c, false);
        assert_true(v.suggestion == 0);
        assert_int_equal(v.least, -1);
        assert_int_equal(v.steepest, -1);
        lr_curve_release(&c);
    }
}

static void a_loss_that_never_rises_ends_at_the_highest_rate(void **state)
{
    (void)state;
    struct lr_curve c = curve_of(falling, 200, 0);
    assert_int_equal(c.n, 200);
    assert_false(c.diverged);
    assert_true(lr_curve_rate(&c, lr_curve_judge(&c, false).least) > 0.5);
    lr_curve_release(&c);
}

static void a_loss_far_above_the_least_ends_the_test(void **state)
{
    (void)state;
    struct lr_curve c = curve_of(valley, 200, 0.02);
    assert_true(c.diverged);
    assert_true(lr_curve_rate(&c, c.n - 1) > 0.1 && c.n < 200);
    lr_curve_release(&c);
}

static void a_loss_that_comes_back_to_the_first_has_not_diverged(void **state)
{
    (void)state;
    struct lr_curve c = curve_of(dip, 200, 0);
    assert_false(c.diverged);
    lr_curve_release(&c);
}

static void a_loss_that_is_not_finite_ends_it_at_once(void **state)
{
    (void)state;
    struct lr_curve c;
    struct errmsg em = {0};
    for (int64_t good = 0; good < 150; good += 149) {
        assert_int_equal(lr_curve_init(&c, 200, &em), ST_OK);
        while (c.n < good)
            lr_curve_add(&c, falling(lr_curve_rate(&c, c.n)));
        assert_false(lr_curve_is_over(&c));
        lr_curve_add(&c, good ? NAN : INFINITY);
        assert_true(lr_curve_is_over(&c) && c.diverged);
        assert_int_equal(c.n, good);
        assert_int_equal(lr_curve_judge(&c, false).suggestion > 0, good > 0);
        lr_curve_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_rise_by_a_factor),
        cmocka_unit_test(a_valley_is_found_on_any_number_of_steps),
        cmocka_unit_test(one_lucky_batch_tells_nothing),
        cmocka_unit_test(where_the_loss_does_not_fall_nothing_is_suggested),
        cmocka_unit_test(a_loss_that_never_rises_ends_at_the_highest_rate),
        cmocka_unit_test(a_loss_far_above_the_least_ends_the_test),
        cmocka_unit_test(a_loss_that_comes_back_to_the_first_has_not_diverged),
        cmocka_unit_test(a_loss_that_is_not_finite_ends_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
