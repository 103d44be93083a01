/* Which steps are left out, and that nothing poisons the judgement. */
#include "guard.h"

#include <math.h>

#include "testing.h"

static const struct config_guard config = {.spike = 20,
                                           .patience = 3,
                                           .lr_factor = 0.5,
                                           .rollbacks = 2};

/* n good losses around 0.1, as noisy as real ones. */
static struct guard after(int n)
{
    struct guard g;
    guard_init(&g);
    for (int i = 0; i < n; i++)
        assert_int_equal(guard_judge(&g, &config, 0.1 + 0.02 * sin(i * 1.7), true), GUARD_GOOD);
    return g;
}

static void what_is_not_finite_is_left_out_from_the_first_step(void **state)
{
    (void)state;
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        struct guard g = after(0);
        assert_int_equal(guard_judge(&g, &config, bad[i], true), GUARD_SKIP);
        assert_int_equal(guard_judge(&g, &config, 0.1, false), GUARD_SKIP);
        assert_int_equal(g.skipped, 2);
        assert_int_equal(g.n, 0);
    }
}

static void a_spike_stands_out_of_what_came_before(void **state)
{
    (void)state;
    struct guard g = after(GUARD_WINDOW_MIN - 1);
    assert_true(isinf(guard_limit(&g, &config)));
    g = after(200);
    double limit = guard_limit(&g, &config);
    assert_true(limit > 0.2 && limit < 0.7);
    assert_int_equal(guard_judge(&g, &config, limit * 1.01, true), GUARD_SKIP);
    assert_int_equal(guard_judge(&g, &config, limit * 0.99, true), GUARD_GOOD);
}

/* Losses that hardly vary: what is twice their size is no noise, what is half as much again may be.
 */
static void a_calm_run_is_not_on_a_hair_trigger(void **state)
{
    (void)state;
    struct guard g;
    guard_init(&g);
    for (int i = 0; i < 64; i++)
        assert_int_equal(guard_judge(&g, &config, 0.1, true), GUARD_GOOD);
    assert_int_equal(guard_judge(&g, &config, 0.15, true), GUARD_GOOD);
    assert_int_equal(guard_judge(&g, &config, 0.25, true), GUARD_SKIP);
}

static void neither_nan_nor_spikes_poison_the_window(void **state)
{
    (void)state;
    struct guard g = after(64);
    double before = guard_limit(&g, &config);
    for (int i = 0; i < 1000; i++)
        (void)guard_judge(&g, &config, i % 2 ? NAN : 1e30, true);
    assert_true(guard_limit(&g, &config) == before);
    assert_int_equal(guard_judge(&g, &config, 0.1, true), GUARD_GOOD);
    assert_int_equal(g.bad_in_a_row, 0);
}

static void patience_ends_in_going_back_with_a_lower_rate(void **state)
{
    (void)state;
    struct guard saved = after(20), g = saved;
    for (int round = 1; round <= 2; round++) {
        assert_int_equal(guard_judge(&g, &config, NAN, true), GUARD_SKIP);
        assert_int_equal(guard_judge(&g, &config, 0.1, true), GUARD_GOOD); /* not in a row */
        assert_int_equal(guard_judge(&g, &config, NAN, true), GUARD_SKIP);
        assert_int_equal(guard_judge(&g, &config, NAN, true), GUARD_SKIP);
        assert_int_equal(guard_judge(&g, &config, NAN, true), GUARD_GO_BACK);
        assert_true(guard_may_go_back(&g, &config));
        struct guard now = g;
        g = saved;
        guard_go_back(&g, &now, &config);
        assert_true(g.lr_scale == pow(0.5, round));
        assert_int_equal(g.skipped, 4 * round);
        assert_int_equal(g.n, 20);
    }
    assert_false(guard_may_go_back(&g, &config));
}

static void spikes_may_be_let_through(void **state)
{
    (void)state;
    const struct config_guard off = {.spike = 0, .patience = 3};
    struct guard g = after(64);
    assert_int_equal(guard_judge(&g, &off, 1e6, true), GUARD_GOOD);
    assert_int_equal(guard_judge(&g, &off, NAN, true), GUARD_SKIP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_finite_is_left_out_from_the_first_step),
        cmocka_unit_test(a_spike_stands_out_of_what_came_before),
        cmocka_unit_test(a_calm_run_is_not_on_a_hair_trigger),
        cmocka_unit_test(neither_nan_nor_spikes_poison_the_window),
        cmocka_unit_test(patience_ends_in_going_back_with_a_lower_rate),
        cmocka_unit_test(spikes_may_be_let_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
