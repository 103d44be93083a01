/* Who holds up the job: the decision, on made-up views. */
#include "testing.h"
#include "watchdog_judge.h"

enum { RANKS = 3 };
static const double TIMEOUT_S = 100;

static struct watchdog_view working(double still_s)
{
    return (struct watchdog_view){
        .known = true, .state = PROCESS_ALIVE, .still_s = still_s, .deadline_s = 60, .sequence = 7};
}

static struct watchdog_view waiting(double still_s)
{
    struct watchdog_view v = working(still_s);
    v.waiting = true;
    v.sequence = 8;
    return v;
}

static void assert_verdict(const struct watchdog_view views[RANKS], enum watchdog_verdict wanted,
                           int wanted_culprit)
{
    int culprit;
    assert_int_equal(watchdog_judge(views, RANKS, TIMEOUT_S, &culprit), wanted);
    if (wanted != WATCHDOG_WELL)
        assert_int_equal(culprit, wanted_culprit);
}

static void a_rank_that_works_has_its_deadline(void **state)
{
    (void)state;
    assert_verdict((struct watchdog_view[]){waiting(29), working(29), waiting(29)}, WATCHDOG_WELL,
                   0);
    assert_verdict((struct watchdog_view[]){waiting(31), working(31), waiting(31)}, WATCHDOG_SLOW,
                   1);
    assert_verdict((struct watchdog_view[]){waiting(61), working(61), waiting(61)}, WATCHDOG_STILL,
                   1);
}

/* However long: whoever they wait for may be allowed to take his time. */
static void ranks_that_wait_are_not_to_blame(void **state)
{
    (void)state;
    struct watchdog_view views[RANKS] = {waiting(5000), waiting(5000), working(5000)};
    views[2].deadline_s = 0;
    assert_verdict(views, WATCHDOG_WELL, 0);
    views[2].deadline_s = 6000;
    assert_verdict(views, WATCHDOG_SLOW, 2);
}

static void all_wait_for_each_other(void **state)
{
    (void)state;
    struct watchdog_view views[RANKS] = {waiting(99), waiting(101), waiting(101)};
    assert_verdict(views, WATCHDOG_SLOW, -1);
    views[0].still_s = 101;
    assert_verdict(views, WATCHDOG_STILL, -1);
    views[1].sequence--; /* it waits for something that the others have behind them */
    assert_verdict(views, WATCHDOG_STILL, 1);
    views[2] = (struct watchdog_view){0}; /* on another host */
    assert_verdict(views, WATCHDOG_STILL, 1);
}

/* As in a phase in which one rank works for hours, on another host. */
static void without_deadlines_waiting_has_no_end(void **state)
{
    (void)state;
    struct watchdog_view views[RANKS] = {waiting(1e6), waiting(1e6)};
    views[0].deadline_s = views[1].deadline_s = 0;
    assert_verdict(views, WATCHDOG_WELL, 0);
}

static void a_stopped_rank_holds_up_the_others_while_it_waits(void **state)
{
    (void)state;
    struct watchdog_view views[RANKS] = {waiting(61), waiting(61), waiting(61)};
    assert_verdict(views, WATCHDOG_SLOW, -1);
    views[2].state = PROCESS_STOPPED;
    assert_verdict(views, WATCHDOG_STILL, 2);
}

static void a_rank_that_is_gone_is_missed_soon(void **state)
{
    (void)state;
    struct watchdog_view views[RANKS] = {waiting(4), working(4), waiting(4)};
    assert_verdict(views, WATCHDOG_WELL, 0);
    views[0].state = PROCESS_GONE;
    assert_verdict(views, WATCHDOG_STILL, 0);
    views[0].ended = true;
    assert_verdict(views, WATCHDOG_WELL, 0);
}

static void deadlines_are_learned(void **state)
{
    (void)state;
    assert_true(watchdog_learn(3, 0.5, 300) == 300); /* too little seen */
    assert_true(watchdog_learn(50, 0.5, 300) == 60);
    assert_true(watchdog_learn(50, 6, 300) == 120);
    assert_true(watchdog_learn(50, 60, 300) == 300);
    assert_true(watchdog_learn(50, 0.5, 10) == 10); /* never later than asked for */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rank_that_works_has_its_deadline),
        cmocka_unit_test(ranks_that_wait_are_not_to_blame),
        cmocka_unit_test(all_wait_for_each_other),
        cmocka_unit_test(without_deadlines_waiting_has_no_end),
        cmocka_unit_test(a_stopped_rank_holds_up_the_others_while_it_waits),
        cmocka_unit_test(a_rank_that_is_gone_is_missed_soon),
        cmocka_unit_test(deadlines_are_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
