/* A failure on one rank ends the step on all ranks, under mpirun. */
#include "step.h"

#include "model/discriminators.h"
#include "ranks.h"
#include "small_run.h"

static struct comm *world;
static struct small_run run;

/* What fails on rank 1: calls of the step are diverted to here by the linker. */
static enum { NOTHING, CHECK, UPDATE } failing;

enum status __real_model_discriminators_are_finite(const struct model *m, bool *finite_out,
                                                   struct errmsg *em);
enum status __real_model_update_discriminators(struct model *m, double lr, int64_t step,
                                               struct errmsg *em);
enum status __wrap_model_discriminators_are_finite(const struct model *m, bool *finite_out,
                                                   struct errmsg *em);
enum status __wrap_model_update_discriminators(struct model *m, double lr, int64_t step,
                                               struct errmsg *em);

enum status __wrap_model_discriminators_are_finite(const struct model *m, bool *finite_out,
                                                   struct errmsg *em)
{
    if (failing == CHECK && comm_rank(world) == 1)
        return FAIL(em, ST_TORCH, "the check failed");
    return __real_model_discriminators_are_finite(m, finite_out, em);
}

enum status __wrap_model_update_discriminators(struct model *m, double lr, int64_t step,
                                               struct errmsg *em)
{
    if (failing == UPDATE && comm_rank(world) == 1)
        return FAIL(em, ST_TORCH, "the update failed");
    return __real_model_update_discriminators(m, lr, step, em);
}

static void open_run(const char *keys)
{
    struct errmsg em = {0};
    small_run_init(&run, world, keys);
    assert_ok(stage_open_sums(&run.session.stage, &run.session.state, &em));
    assert_ok(stage_share_state(&run.session.stage, &run.session.state, &em));
}

static void step_fails_everywhere(int what, const char *message)
{
    static const char *const keys[] = {"loss.adversarial = 0.1\ntrain.zero = 0\n",
                                       "loss.adversarial = 0.1\ntrain.zero = 1\n"};
    for (int zero = 0; zero < 2; zero++) {
        struct step_report report;
        struct errmsg em = {0};
        open_run(keys[zero]);
        failing = NOTHING;
        assert_ok(step_run(&run.session, 0, &report, &em));
        failing = what;
        assert_int_equal(step_run(&run.session, 0, &report, &em), ST_TORCH);
        assert_text_has(em.text, message);
        assert_int_equal(em.rank, 1);
        assert_int_equal(run.session.state.step, 1);
        small_run_release(&run);
    }
}

static void when_the_discriminators_check_fails_on_one(void **state)
{
    (void)state;
    step_fails_everywhere(CHECK, "the check failed");
}

static void when_the_discriminators_update_fails_on_one(void **state)
{
    (void)state;
    step_fails_everywhere(UPDATE, "the update failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_the_discriminators_check_fails_on_one),
        cmocka_unit_test(when_the_discriminators_update_fails_on_one),
    };
    const struct comm_options options = {.backend = COMM_MPI};
    return RUN_ON_RANKS(tests, &options, &world);
}
