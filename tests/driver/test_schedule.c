#include "testing.h"

#include <math.h>

#include "config.h"
#include "schedule.h"

static double lr_at(enum config_schedule schedule, double lr, double warmup, int64_t step,
                    int64_t total)
{
    static struct config c; /* large; the rest of it does not matter */
    c.train.schedule = schedule;
    c.train.lr = lr;
    c.train.warmup = warmup;
    return schedule_lr(&c, step, total);
}

/*
 * PyTorch 2.13:
 *
 *   o = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=lr)
 *   s = torch.optim.lr_scheduler.OneCycleLR(o, max_lr=lr, total_steps=total, pct_start=warmup)
 *   for step in range(1, total + 1):
 *       print(step, s.get_last_lr()[0]); o.step()
 *       if step < total: s.step()
 */
static const struct {
    int64_t total;
    double warmup, lr;
    int64_t step;
    double wanted;
} torch_values[] = {
    {100,  0.3,  1e-3, 1,    3.9999999999999996e-05},
    {100,  0.3,  1e-3, 2,    4.281378056590743e-05 },
    {100,  0.3,  1e-3, 15,   0.0004940133238789995 },
    {100,  0.3,  1e-3, 30,   0.001                 },
    {100,  0.3,  1e-3, 31,   0.0009994965352845243 },
    {100,  0.3,  1e-3, 32,   0.0009979871550490316 },
    {100,  0.3,  1e-3, 65,   0.0005000019999999999 },
    {100,  0.3,  1e-3, 99,   5.074647154757879e-07 },
    {100,  0.3,  1e-3, 100,  4e-09                 },
    {7,    0.5,  1e-4, 1,    4.000000000000002e-06 },
    {7,    0.5,  1e-4, 2,    3.716718427000253e-05 },
    {7,    0.5,  1e-4, 3,    9.083281572999748e-05 },
    {7,    0.5,  1e-4, 4,    9.504846320134737e-05 },
    {7,    0.5,  1e-4, 5,    6.112620219362893e-05 },
    {7,    0.5,  1e-4, 6,    1.88258346050237e-05  },
    {7,    0.5,  1e-4, 7,    3.9999999999999996e-10},
    {6250, 0.05, 2e-4, 1,    8.000000000000005e-06 },
    {6250, 0.05, 2e-4, 100,  5.2005959053170715e-05},
    {6250, 0.05, 2e-4, 312,  0.00019999877942640884},
    {6250, 0.05, 2e-4, 313,  0.0001999999965005421 },
    {6250, 0.05, 2e-4, 3000, 0.00011482670546572512},
    {6250, 0.05, 2e-4, 6250, 7.999999999999999e-10 },
};

static void one_cycle_is_pytorchs(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof torch_values / sizeof torch_values[0]; i++) {
        double got = lr_at(SCHEDULE_ONE_CYCLE, torch_values[i].lr, torch_values[i].warmup,
                           torch_values[i].step, torch_values[i].total);
        double scale = torch_values[i].lr * 1e-12;
        if (fabs(got - torch_values[i].wanted) > scale)
            fail_msg("step %lld of %lld: %.17g, PyTorch %.17g", (long long)torch_values[i].step,
                     (long long)torch_values[i].total, got, torch_values[i].wanted);
    }
}

static void constant_is_constant(void **unused)
{
    (void)unused;
    for (int64_t step = 1; step <= 10; step++)
        assert_near(lr_at(SCHEDULE_CONSTANT, 1e-4, 0.5, step, 10), 1e-4, 0.0);
}

static void cosine_warms_up_in_equal_steps_and_falls_towards_zero(void **unused)
{
    (void)unused;
    for (int64_t step = 1; step <= 10; step++)
        assert_near(lr_at(SCHEDULE_COSINE, 1.0, 0.1, step, 100), (double)step / 10.0, 1e-12);
    /* 90 steps down: the middle one is half, the first is the peak */
    assert_near(lr_at(SCHEDULE_COSINE, 1.0, 0.1, 11, 100), 1.0, 1e-12);
    assert_near(lr_at(SCHEDULE_COSINE, 1.0, 0.1, 56, 100), 0.5, 1e-12);
    double before = 2.0;
    for (int64_t step = 11; step <= 100; step++) {
        double lr = lr_at(SCHEDULE_COSINE, 1.0, 0.1, step, 100);
        assert_true(lr < before && lr > 0.0);
        before = lr;
    }
}

/* In steps, whatever the total; of every schedule. */
static void warm_up_may_be_told_in_steps(void **unused)
{
    (void)unused;
    static struct config c;
    c.train.lr = 1;
    c.train.warmup = 0.5;
    c.train.warmup_steps = 4;
    for (int64_t step = 1; step <= 4; step++) {
        c.train.schedule = SCHEDULE_CONSTANT;
        assert_near(schedule_lr(&c, step, 100), (double)step / 4, 1e-12);
        c.train.schedule = SCHEDULE_COSINE;
        assert_near(schedule_lr(&c, step, 1000), (double)step / 4, 1e-12);
        c.train.schedule = SCHEDULE_ONE_CYCLE;
        assert_true(schedule_lr(&c, step, 50) > schedule_lr(&c, step - 1, 50) || step == 1);
    }
    assert_near(schedule_lr(&c, 4, 50), 1, 1e-12);
    assert_true(schedule_lr(&c, 5, 50) < 1);
    c.train.schedule = SCHEDULE_CONSTANT;
    assert_near(schedule_lr(&c, 5, 100), 1, 0);
}

static void every_step_of_every_length_has_a_usable_rate(void **unused)
{
    (void)unused;
    static const double warmups[] = {0.0, 0.001, 0.1, 0.3, 0.5, 0.999, 1.0};
    for (int schedule = SCHEDULE_CONSTANT; schedule <= SCHEDULE_COSINE; schedule++)
        for (int64_t total = 0; total <= 25; total++)
            for (size_t w = 0; w < sizeof warmups / sizeof warmups[0]; w++)
                for (int64_t step = -1; step <= total + 2; step++) {
                    double lr = lr_at((enum config_schedule)schedule, 1.0, warmups[w], step, total);
                    if (!(lr > 0.0 && lr <= 1.0))
                        fail_msg("schedule %d warmup %g step %lld of %lld: %g", schedule,
                                 warmups[w], (long long)step, (long long)total, lr);
                }
}

static void beyond_the_end_the_last_rate_stays(void **unused)
{
    (void)unused;
    double last = lr_at(SCHEDULE_ONE_CYCLE, 1.0, 0.3, 100, 100);
    assert_near(lr_at(SCHEDULE_ONE_CYCLE, 1.0, 0.3, 101, 100), last, 0.0);
    assert_near(lr_at(SCHEDULE_ONE_CYCLE, 1.0, 0.3, INT64_MAX, 100), last, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_cycle_is_pytorchs),
        cmocka_unit_test(constant_is_constant),
        cmocka_unit_test(cosine_warms_up_in_equal_steps_and_falls_towards_zero),
        cmocka_unit_test(warm_up_may_be_told_in_steps),
        cmocka_unit_test(every_step_of_every_length_has_a_usable_rate),
        cmocka_unit_test(beyond_the_end_the_last_rate_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
