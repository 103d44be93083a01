/* A picture that cannot be read when the loop checks for a collapse between two validations. */
#include "loop.h"

#include <math.h>

#include "base/file.h"
#include "small_run.h"
#include "step.h"
#include "validate.h"

static struct comm *world;
static struct small_run run;
static struct report report; /* shows nothing: no session */
static bool save_fails;
static int saves; /* step_before_save was called so many times */

/* Calls of the loop that are diverted to here by the linker. */
bool __wrap_collapse_is_suspected(const struct collapse *c, const double loss[MODEL_PEOPLE]);
enum status __wrap_validate_check_collapse(struct session *s,
                                           struct collapse_view seen[static MODEL_PEOPLE],
                                           bool *collapsed_out, struct errmsg *em);
enum status __real_step_before_save(struct session *s, struct errmsg *em);
enum status __wrap_step_before_save(struct session *s, struct errmsg *em);

bool __wrap_collapse_is_suspected(const struct collapse *c, const double loss[MODEL_PEOPLE])
{
    (void)c, (void)loss;
    return true;
}

enum status __wrap_validate_check_collapse(struct session *s,
                                           struct collapse_view seen[static MODEL_PEOPLE],
                                           bool *collapsed_out, struct errmsg *em)
{
    (void)s, (void)seen, (void)collapsed_out;
    return FAIL(em, ST_DATA, "picture 7 cannot be read");
}

/* The first call is for the saver's first copy. */
enum status __wrap_step_before_save(struct session *s, struct errmsg *em)
{
    if (saves++ > 0 && save_fails)
        return FAIL(em, ST_DIVERGED, "the ranks differ");
    return __real_step_before_save(s, em);
}

/* Trains until the check at step 2. Returns whether that state was saved. */
static bool run_fails_with_the_picture(bool with_a_save)
{
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    small_run_init(&run, world, "data.val_fraction = 0\ncheckpoint.every_steps = 2\n");
    assert_ok(stage_open_sums(&run.session.stage, &run.session.state, &em));
    run.session.run.walltime.end_s = INFINITY;
    save_fails = !with_a_save;
    saves = 0;
    assert_int_equal(loop_run(&run.session, &report, &em), ST_DATA);
    assert_int_equal(em.code, ST_DATA);
    assert_string_equal(em.text, "picture 7 cannot be read");
    assert_int_equal(run.session.state.step, 2);
    assert_int_equal(saves, 2);
    assert_true(
        path_join(path, sizeof path, run.session.run.out, "checkpoints/step-0000000002.pt"));
    bool saved = file_exists(path);
    small_run_release(&run);
    return saved;
}

static void the_state_is_saved_first(void **state)
{
    (void)state;
    assert_true(run_fails_with_the_picture(true));
}

/* Status, message and exit code are those of the first error. */
static void a_failed_save_does_not_hide_the_picture(void **state)
{
    (void)state;
    assert_false(run_fails_with_the_picture(false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_is_saved_first),
        cmocka_unit_test(a_failed_save_does_not_hide_the_picture),
    };
    const struct comm_options options = {.backend = COMM_SELF};
    struct errmsg em = {0};
    if (comm_open(&options, &world, &em) != ST_OK) {
        fprintf(stderr, "%s\n", em.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_close(world);
    return failed;
}
