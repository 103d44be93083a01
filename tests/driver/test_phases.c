/* Between steps: what the watchdog is told, and what chooses best.pt. */
#include "loop.h"

#include <math.h>

#include "data/loader.h"
#include "small_run.h"
#include "validate.h"
#include "validate_follow.h"

static struct comm *world;
static struct small_run run;
static enum watchdog_phase phase;
static int validations; /* begun since pictures were read last */
static int reports, batches, follows, validated;

/* Diverted by the linker. */
void __wrap_watchdog_enter(struct watchdog *w, enum watchdog_phase next, int64_t step);
void __wrap_report_step(struct report *r, const struct step_report *step);
enum status __real_loader_fill_rows(struct loader *l, const int64_t *rows_a, const int64_t *rows_b,
                                    size_t n, struct batch *out, struct errmsg *em);
enum status __wrap_loader_fill_rows(struct loader *l, const int64_t *rows_a, const int64_t *rows_b,
                                    size_t n, struct batch *out, struct errmsg *em);
void __wrap_report_validation(struct report *r, const struct model_losses *losses);
bool __wrap_follow_is_possible(const struct follow_source *s, int person);
enum status __wrap_follow_reader_train(const struct follow_source *s, int person,
                                       struct follow_reader **out, struct errmsg *em);

void __wrap_watchdog_enter(struct watchdog *w, enum watchdog_phase next, int64_t step)
{
    (void)w, (void)step;
    phase = next;
    validations += next == WATCH_VALIDATE;
}

void __wrap_report_step(struct report *r, const struct step_report *step)
{
    (void)r, (void)step;
    assert_int_equal(phase, WATCH_REPORT);
    reports++;
}

enum status __wrap_loader_fill_rows(struct loader *l, const int64_t *rows_a, const int64_t *rows_b,
                                    size_t n, struct batch *out, struct errmsg *em)
{
    assert_int_equal(phase, WATCH_VALIDATE);
    assert_true(validations > 0);
    validations = 0;
    batches++;
    return __real_loader_fill_rows(l, rows_a, rows_b, n, out, em);
}

/* The gradients of pictures count in the loss, but do not compare pictures. */
void __wrap_report_validation(struct report *r, const struct model_losses *losses)
{
    (void)r;
    assert_int_equal(phase, WATCH_REPORT);
    double compared = 0, others = 0;
    validated++;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        compared += losses->term[who][MODEL_LOSS_L1];
        others += losses->term[who][MODEL_LOSS_GRADIENT];
    }
    assert_true(others > 0);
    assert_near(run.session.val_compared, compared, 1e-9);
    assert_near(run.session.state.val_loss, compared + others, 1e-6);
    assert_true(validate_value(&run.session) == run.session.val_compared);
}

bool __wrap_follow_is_possible(const struct follow_source *s, int person)
{
    (void)s;
    return person == 0;
}

enum status __wrap_follow_reader_train(const struct follow_source *s, int person,
                                       struct follow_reader **out, struct errmsg *em)
{
    (void)s, (void)person, (void)out;
    assert_int_equal(phase, WATCH_REPORT);
    follows++;
    return FAIL(em, ST_DATA, "no points");
}

/* Metrics are written to a file server, which may stall. A validation may be of any length, and so
 * may the training of a reader of points. */
static void each_has_a_deadline_of_its_own(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct report report = {0}; /* shows nothing: no session */
    small_run_init(&run, world,
                   "data.val_fraction = 0.5\ntrain.max_steps = 6\nloss.gradient = 1\n");
    assert_ok(stage_open_sums(&run.session.stage, &run.session.state, &em));
    run.session.run.walltime.end_s = INFINITY;
    assert_int_equal(loop_run(&run.session, &report, &em), ST_DATA);
    assert_string_equal(em.text, "no points");
    assert_int_equal(reports, 6);
    assert_int_equal(validated, 1);
    assert_true(batches > 1);
    assert_int_equal(follows, 1);
    small_run_release(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_has_a_deadline_of_its_own)};
    const struct comm_options options = {.backend = COMM_SELF};
    struct errmsg em = {0};
    if (comm_open(&options, &world, &em) != ST_OK) {
        fprintf(stderr, "comm_open: %s\n", em.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_close(world);
    return failed;
}
