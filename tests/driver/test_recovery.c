/* Going back after bad steps and collapsed decoders, under mpirun: to what, how often, with what.
 */
#include "recovery.h"

#include <math.h>

#include "feed.h"
#include "ranks.h"
#include "small_run.h"

static const char keys[] = "data.val_fraction = 0\nguard.patience = 3\nguard.lr_factor = 0.25\n"
                           "guard.rollbacks = 1\n";

static struct comm *world;
static struct errmsg em;
static struct small_run run;
static struct saver *saver;
static struct report report; /* shows nothing: no session */

/* At step 9, four steps after the state that was saved. */
static int setup(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    saver = NULL;
    small_run_init(&run, world, keys);
    assert_ok(saver_open(&run.session, &saver, &em));
    small_run_go_to(&run, 5);
    assert_ok(saver_keep(saver, &em));
    small_run_go_to(&run, comm_rank(world) == 0 ? 9 : 8); /* another rank is not asked */
    run.session.state.step = 9;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    saver_close(saver);
    small_run_release(&run);
    return 0;
}

static void bad_steps_go_back_to_the_saved_state(void **state)
{
    (void)state;
    struct guard *g = &run.session.state.guard;
    g->bad_in_a_row = 3;
    g->skipped = 7;
    assert_ok(recovery_go_back(&run.session, saver, &report, &em));
    assert_stands_at(&run, 5);
    assert_true(g->lr_scale == 0.25);
    assert_int_equal(g->rollbacks, 1);
    assert_int_equal(g->bad_in_a_row, 0);
    assert_int_equal(g->skipped, 7);
}

/* The feed reads the next pass of both orders, while the names come from the pass before. */
static void names_of_a_skipped_step_leave_the_feed_alone(void **state)
{
    (void)state;
    struct session *s = &run.session;
    const struct step_report step = {.losses.total = NAN, .verdict = GUARD_SKIP};
    const struct batch *samples;
    for (uint64_t position = SMALL_N; position < 40 * SMALL_N; position += SMALL_N) {
        feed_ahead(s->stage.feed, position, 1);
        s->state.position = position;
        recovery_log_skipped(s, &step);
        assert_ok(feed_take(s->stage.feed, position, 1, &samples, &em));
        assert_int_equal(samples->rows[0][0], order_row_at(s->run.orders[0], position));
    }
}

/* Every rank says so, and none goes back once more. */
static void the_last_time_ends_training(void **state)
{
    (void)state;
    struct guard *g = &run.session.state.guard;
    g->rollbacks = 1;
    g->bad_in_a_row = 3;
    g->lr_scale = 0.25;
    assert_status(recovery_go_back(&run.session, saver, &report, &em), ST_DIVERGED);
    assert_text_has(em.text, "3 steps in a row up to step 9");
    assert_text_has(em.text, "after going back 1 times");
    assert_text_has(em.text, "0.25");
    assert_int_equal(run.session.state.step, 9);
}

static void a_collapse_is_due_after_some_validations(void **state)
{
    (void)state;
    struct session *s = &run.session;
    s->stage.steps_total = 100;
    for (int found = 0; found < 5; found++) {
        s->state.collapse.in_a_row = found;
        assert_int_equal(recovery_is_due(s), found >= 3);
    }
    s->run.config.guard.spike = 0; /* no guard */
    assert_false(recovery_is_due(s));
}

/* The next stage would begin with it. The last stage has none to hand on to. */
static void at_the_end_of_a_stage_one_is_enough(void **state)
{
    (void)state;
    struct session *s = &run.session;
    s->run.config.train.stages.n = 2;
    s->stage.steps_total = 9;
    s->state.collapse.in_a_row = 1;
    assert_true(recovery_is_due(s));
    s->state.collapse.in_a_row = 0;
    assert_false(recovery_is_due(s));
    s->state.collapse.in_a_row = 1;
    s->state.stage = 1;
    assert_false(recovery_is_due(s));
}

/* Without the guard nobody looks whether the saved state has collapsed, too. */
static void a_collapse_goes_back_to_the_saved_state(void **state)
{
    (void)state;
    struct train_state *t = &run.session.state;
    run.session.run.config.guard.spike = 0;
    small_run_go_to(&run, 6);
    t->collapse.in_a_row = 1; /* was saved amid it, and does not count on */
    assert_ok(saver_keep(saver, &em));
    small_run_go_to(&run, 9);
    t->collapse.in_a_row = 3;
    assert_ok(recovery_leave_collapse(&run.session, saver, &report, &em));
    assert_stands_at(&run, 6);
    assert_int_equal(t->collapse.in_a_row, 0);
    assert_int_equal(t->guard.rollbacks, 1);
    assert_true(t->guard.lr_scale == 0.25);
}

/* Whether a resume is of use depends on whether any validation was good. */
static void a_collapse_after_the_last_time_ends_training(void **state)
{
    (void)state;
    struct train_state *t = &run.session.state;
    for (int good = 0; good < 2; good++) {
        em = (struct errmsg){0};
        t->guard.rollbacks = 1;
        t->collapse.in_a_row = 3;
        t->best_step = good ? 4 : 0;
        t->collapse.best[MODEL_A] = t->collapse.best[MODEL_B] = 0.1;
        assert_status(recovery_leave_collapse(&run.session, saver, &report, &em), ST_DIVERGED);
        assert_text_has(em.text, "at 3 validations in a row up to step 9");
        assert_text_has(em.text, "after going back 1 time.");
        assert_text_has(em.text, good ? "--resume auto" : "start a new run");
        assert_int_equal(t->step, 9);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(bad_steps_go_back_to_the_saved_state),
        TEST(names_of_a_skipped_step_leave_the_feed_alone),
        TEST(the_last_time_ends_training),
        TEST(a_collapse_is_due_after_some_validations),
        TEST(at_the_end_of_a_stage_one_is_enough),
        TEST(a_collapse_goes_back_to_the_saved_state),
        TEST(a_collapse_after_the_last_time_ends_training),
    };
    const struct comm_options options = {.backend = COMM_MPI}; /* of one rank, too */
    return RUN_ON_RANKS(tests, &options, &world);
}
