/* How long stages to come are, in steps of the present one. */
#include "run_plan.h"
#include "stage_open.h"

#include "testing.h"

enum { PICTURES = 100 };

static struct errmsg em;

/* In the first of these stages, of 4 pictures a step. */
static struct session *open_session(const char *stages)
{
    struct session *s = calloc(1, sizeof *s);
    struct comm_options alone = {.backend = COMM_SELF};
    uint64_t hashes[2][PICTURES];
    char text[512];
    assert_non_null(s);
    assert_ok(comm_open(&alone, &s->run.comm, &em));
    config_init(&s->run.config);
    snprintf(text, sizeof text,
             "model.latent = 8\nmodel.width = 16\n[train]\nprecision = \"fp32\"\nstages = %s",
             stages);
    assert_ok(config_merge_text(&s->run.config, text, "test", &em));
    for (uint64_t i = 0; i < 2 * PICTURES; i++)
        hashes[i / PICTURES][i % PICTURES] = i;
    for (int p = 0; p < 2; p++)
        assert_ok(order_new(hashes[p], PICTURES / (1 + p), 0, 1, (enum order_person)p,
                            &s->run.orders[p], &em));
    session_enter_stage(s);
    struct model_options options = stage_model_options(&s->run.config, "cpu");
    assert_ok(model_new(&options, NULL, &s->stage.model, &em));
    return s;
}

static void close_session(struct session *s)
{
    model_free(s->stage.model);
    for (int p = 0; p < 2; p++)
        order_free(s->run.orders[p]);
    comm_close(s->run.comm);
    free(s);
}

static double steps_to_come(const char *stages, int64_t max_steps)
{
    struct session *s = open_session(stages);
    s->run.config.train.max_steps = max_steps;
    session_enter_stage(s);
    double steps = run_plan_steps_to_come(s);
    close_session(s);
    return steps;
}

#define THIS "{image_size = 64, epochs = 2, global_batch = 4}"

static void the_last_stage_has_none_to_come(void **state)
{
    (void)state;
    assert_near(steps_to_come("[" THIS "]", 0), 0, 0);
}

#define LIKE_THIS        "{image_size = 64, epochs = 3, global_batch = 4}"
#define OF_TWICE_AS_MANY "{image_size = 64, epochs = 3, global_batch = 8}"

/* 100 pictures: 50 steps of 4 in this stage, then 75, or 39 of 8. */
static void steps_like_this_stage_s_count_as_they_are(void **state)
{
    (void)state;
    assert_near(steps_to_come("[" THIS ", " LIKE_THIS "]", 0), 75, 1e-9);
}

/* Not quite twice as long: what the optimizer does is the same. */
static void a_step_of_more_pictures_counts_for_more(void **state)
{
    (void)state;
    double steps = steps_to_come("[" THIS ", " OF_TWICE_AS_MANY "]", 0);
    assert_true(steps > 1.5 * 39 && steps < 2 * 39);
}

static void a_limit_on_steps_leaves_out_the_rest(void **state)
{
    (void)state;
    const char *stages = "[" THIS ", " OF_TWICE_AS_MANY ", " LIKE_THIS "]";
    double all = steps_to_come(stages, 0);
    assert_near(steps_to_come(stages, 50 + 39 + 7), all - (75 - 7), 1e-9);
    assert_near(steps_to_come(stages, 50 + 13), (all - 75) / 3, 1e-9);
    assert_near(steps_to_come(stages, 40), 0, 0);
}

/* Twice the side: four times the pixels, but the new layers are narrow. */
static void a_step_of_larger_pictures_counts_for_more(void **state)
{
    (void)state;
    double steps = steps_to_come("[" THIS ", {image_size = 128, epochs = 1, global_batch = 4}]", 0);
    assert_true(steps > 1.4 * 25 && steps < 4 * 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_stage_has_none_to_come),
        cmocka_unit_test(steps_like_this_stage_s_count_as_they_are),
        cmocka_unit_test(a_step_of_more_pictures_counts_for_more),
        cmocka_unit_test(a_limit_on_steps_leaves_out_the_rest),
        cmocka_unit_test(a_step_of_larger_pictures_counts_for_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
