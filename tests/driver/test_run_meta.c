/* What a checkpoint tells of a run: every row of state_table.h comes back, and so does what is
 * stored in checkpoints of older programs. */
#include "run_meta.h"

#include <math.h>

#include "base/file.h"
#include "testing.h"

static struct errmsg em;

/* ---- Fields by their types: distinct values, and comparison ---------------------------------- */

static int64_t count;

static void fill_whole(int64_t *x)
{
    *x = ++count;
}

static void fill_position(uint64_t *x)
{
    *x = (uint64_t)++count;
}

static void fill_number(double *x)
{
    *x = (double)++count / 3;
}

static void fill_metrics(struct val_metrics *m)
{
    for (int i = 0; i < VAL_NUMBERS; i++)
        fill_number(&m->number[i]);
}

static void fill_guard(struct guard *g)
{
    guard_init(g);
    for (g->n = 0; g->n < 5; g->n++)
        fill_number(&g->window[g->n]);
    g->next = g->n;
    g->bad_in_a_row = (int32_t)++count;
    g->rollbacks = (int32_t)++count;
    fill_whole(&g->skipped);
    fill_number(&g->lr_scale);
}

static void fill_collapse(struct collapse *c)
{
    collapse_init(c);
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        fill_number(&c->start[who]);
        fill_number(&c->best[who]);
        fill_number(&c->variety[who]);
    }
    fill_number(&c->travel);
    c->kind[MODEL_A] = COLLAPSE_WORSE;
    c->kind[MODEL_B] = COLLAPSE_FLAT;
    c->in_a_row = (int32_t)++count;
}

/* clang-format off */
#define FILL(x) _Generic((x), \
    int64_t *: fill_whole, uint64_t *: fill_position, double *: fill_number, \
    struct val_metrics *: fill_metrics, struct guard *: fill_guard, \
    struct collapse *: fill_collapse)(x)
/* clang-format on */

static struct train_state filled(void)
{
    struct train_state t;
    train_state_init(&t);
    count = 0;
#define FIELD(type, name, ...) FILL(&t.name);
    TRAIN_STATE(FIELD, FIELD, FIELD)
#undef FIELD
    t.step = 1000; /* Adam counts from stage_step */
    return t;
}

/* Of the structs collapse alone has padding, behind its last member. */
static void assert_same(const struct train_state *got, const struct train_state *wanted)
{
    size_t collapse_bytes = offsetof(struct collapse, in_a_row) + sizeof(int32_t);
#define FIELD(type, name, ...)                                                                   \
    if (memcmp(&got->name, &wanted->name,                                                        \
               sizeof got->name == sizeof(struct collapse) ? collapse_bytes : sizeof got->name)) \
        fail_msg("%s did not come back", #name);
    TRAIN_STATE(FIELD, FIELD, FIELD)
#undef FIELD
}

static struct run_meta meta_of(struct train_state t)
{
    return (struct run_meta){
        .state = t,
        .world_size = 3,
        .threads = 2,
        .fingerprints = {"0123456789abcdef", "fedcba9876543210"},
        .held_out = {"0000000000000000", "aaaabbbbccccdddd"},
        .people = {"Ann",              "Bob"             },
        .consent = {"yes",              "yes, too"        },
    };
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void every_row_comes_back_from_a_checkpoint(void **state)
{
    (void)state;
    char *folder = scratch_new(), path[PATH_BYTES_MAX];
    struct model_options o = {
        .config = {.latent = 8,   .width = 8, .width_max = 8},
        .device = "cpu",
        .discriminator = {.channels = 1,             .beta1 = 0.5,           .beta2 = 0.9}, /* whose updates are a row */
        .loss_weight = {[MODEL_LOSS_L1] = 1, [MODEL_LOSS_ADVERSARIAL] = 1},
        .adam_beta1 = 0.9,
        .adam_beta2 = 0.9,
        .adam_eps = 1e-8,
    };
    struct model *model;
    struct checkpoint *c;
    struct train_state t = filled();
    struct run_meta meta = meta_of(t), got;
    struct checkpoint_number numbers[VAL_NUMBERS];
    struct checkpoint_facts facts = {.meta = run_meta_text(&meta, true),
                                     .stage_step = t.stage_step};
    run_meta_put_facts(&t, numbers, &facts);
    assert_ok(model_new(&o, NULL, &model, &em));
    snprintf(path, sizeof path, "%s/step.pt", folder);
    assert_ok(checkpoint_write(model, &facts, path, &em));
    assert_ok(checkpoint_open(path, &c, &em));
    run_meta_of(c, &got);
    assert_same(&got.state, &t);
    assert_int_equal(got.world_size, 3);
    assert_int_equal(got.threads, 2);
    assert_string_equal(got.fingerprints[0], "0123456789abcdef");
    assert_string_equal(got.fingerprints[1], "fedcba9876543210");
    assert_string_equal(got.held_out[0], "0000000000000000");
    assert_string_equal(got.held_out[1], "aaaabbbbccccdddd");
    checkpoint_free(c);
    model_free(model);
    free(facts.meta);
    free(folder);
}

static void what_is_known_of_the_faces_is_written(void **state)
{
    (void)state;
    struct set_identity ann =
                            {
                                .known = true, .mean = {0.25f, -0.5f}
    },
                        bob = {.known = false};
    struct run_meta meta = meta_of(filled());
    char *text = run_meta_text(&meta, false);
    assert_null(strstr(text, "identity"));
    assert_null(strstr(text, "pupils"));
    free(text);
    meta.identities[0] = &ann;
    meta.identities[1] = &bob;
    meta.pupils[1] = 0.375;
    text = run_meta_text(&meta, false);
    const char *found = strstr(text, "\"identity\":{\"mean\":[[0.25,-0.5,0.0,");
    assert_non_null(found);
    assert_non_null(strstr(found, "0.0],null]}"));
    assert_non_null(strstr(text, "\"pupils\":[0.0,0.375]"));
    free(text);
}

/* The text of a checkpoint that this program's format began with. */
static const char stored[] =
    "{\"best_value\":0.33747011054941273,\"wall_s\":73.890073598999152,\"metrics_bytes\":6489,"
    "\"world_size\":1,\"threads\":4,\"fingerprints\":[\"dbbdf0ce91a7897b\",\"9f05d953d275d9f7\"],"
    "\"people\":[\"Helvia\",\"Rufus\"],\"consent\":[\"Drawn.\",\"Drawn.\"],"
    "\"guard\":{\"losses\":[0.60381038356572392,0.84428503960371015],\"bad_in_a_row\":1,"
    "\"rollbacks\":2,\"skipped\":3,\"lr_scale\":0.25},"
    "\"best_step\":6,\"best_seen\":0.31747011054941271,\"stale\":7,"
    "\"collapse\":{\"start\":[null,null],\"best\":[0.20694567263126373,0.29342794418334961],"
    "\"variety\":[0.073011184321087955,0.12092361561475208],\"travel\":0.001,\"kind\":[0,4],"
    "\"in_a_row\":1},\"save_s\":1.6614285179985018,\"stretch_s\":9.1252125290011463,"
    "\"stage\":2,\"stage_step\":5,\"stage_position\":42}";

static void a_stored_text_is_read(void **state)
{
    (void)state;
    struct run_meta m;
    run_meta_read(stored, &m);
    const struct train_state *t = &m.state;
    assert_int_equal(m.world_size, 1);
    assert_int_equal(m.threads, 4);
    assert_string_equal(m.fingerprints[1], "9f05d953d275d9f7");
    assert_string_equal(m.held_out[1], ""); /* not known */
    assert_true(t->best_value == 0.33747011054941273 && t->best_seen == 0.31747011054941271);
    assert_true(t->wall_s == 73.890073598999152 && t->save_s == 1.6614285179985018);
    assert_true(t->stretch_s == 9.1252125290011463);
    assert_int_equal(t->metrics_bytes, 6489);
    assert_int_equal(t->best_step, 6);
    assert_int_equal(t->stale, 7);
    assert_int_equal(t->stage, 1);
    assert_int_equal(t->stage_step, 5);
    assert_int_equal(t->stage_position, 42);
    assert_int_equal(t->guard.n, 2);
    assert_int_equal(t->guard.next, 2);
    assert_true(t->guard.window[1] == 0.84428503960371015 && t->guard.lr_scale == 0.25);
    assert_int_equal(t->guard.bad_in_a_row, 1);
    assert_int_equal(t->guard.rollbacks, 2);
    assert_int_equal(t->guard.skipped, 3);
    assert_true(isnan(t->collapse.start[MODEL_A]) && t->collapse.travel == 0.001);
    assert_true(t->collapse.best[MODEL_B] == 0.29342794418334961);
    assert_true(t->collapse.variety[MODEL_A] == 0.073011184321087955);
    assert_int_equal(t->collapse.kind[MODEL_B], COLLAPSE_LOST);
    assert_int_equal(t->collapse.in_a_row, 1);
}

static void a_text_without_a_row_gives_what_a_run_begins_with(void **state)
{
    (void)state;
    struct run_meta m;
    struct train_state begun;
    train_state_init(&begun);
    run_meta_read("{}", &m);
    assert_int_equal(m.world_size, 0);
    m.state.collapse.travel = 0; /* not known, where a run that begins has gone nowhere */
    assert_same(&m.state, &begun);
}

static void numbers_that_cannot_be_are_as_if_missing(void **state)
{
    (void)state;
    struct run_meta m;
    struct train_state begun;
    train_state_init(&begun);
    run_meta_read(
        "{\"world_size\": 8573630000, \"threads\": -1, \"stage\": 0, \"stage_step\": 1e300, "
        "\"best_step\": -9, \"guard\": {\"rollbacks\": 1e10, \"skipped\": -1e30}, "
        "\"collapse\": {\"kind\": [1, 1], \"in_a_row\": 99999999999}}",
        &m);
    assert_int_equal(m.world_size, 0);
    assert_int_equal(m.threads, 0);
    assert_int_equal(m.state.stage, 0);
    assert_int_equal(m.state.stage_step, begun.stage_step);
    assert_int_equal(m.state.best_step, begun.best_step);
    assert_int_equal(m.state.guard.rollbacks, 0);
    assert_int_equal(m.state.guard.skipped, 0);
    assert_int_equal(m.state.collapse.in_a_row, 0);
}

static void stages_are_told_of_a_run_with_stages_only(void **state)
{
    (void)state;
    struct run_meta meta = meta_of(filled());
    for (int stages = 0; stages < 2; stages++) {
        char *text = run_meta_text(&meta, stages);
        assert_int_equal(strstr(text, "\"stage\"") != NULL, stages);
        assert_int_equal(strstr(text, "\"stage_step\"") != NULL, stages);
        assert_int_equal(strstr(text, "\"stage_position\"") != NULL, stages);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_comes_back_from_a_checkpoint),
        cmocka_unit_test(what_is_known_of_the_faces_is_written),
        cmocka_unit_test(a_stored_text_is_read),
        cmocka_unit_test(a_text_without_a_row_gives_what_a_run_begins_with),
        cmocka_unit_test(numbers_that_cannot_be_are_as_if_missing),
        cmocka_unit_test(stages_are_told_of_a_run_with_stages_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
