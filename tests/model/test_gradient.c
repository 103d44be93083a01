/* Gradients against the loss they belong to, and when they are final. */
#include <math.h>

#include "fixture.h"
#include "model_priv.h"

static struct errmsg em;
static struct pictures pictures;

static int setup(void **state)
{
    struct model_options o = small_options(MODEL_FP64);
    struct model *m = NULL;
    em = (struct errmsg){0};
    draw_pictures(&pictures);
    o.mask_weight = 3.0;
    assert_ok(model_new(&o, NULL, &m, &em));
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    model_free(*state);
    return 0;
}

static double loss_at(struct model *m, const struct batch *b, const double *direction,
                      double length)
{
    const struct model_flat *flat = model_flat(m);
    double *x = flat->parameters;
    struct model_losses l;
    for (size_t i = 0; i < flat->count; i++)
        x[i] += length * direction[i];
    assert_ok(model_evaluate(m, b, (double)b->n, &l, NULL, &em));
    for (size_t i = 0; i < flat->count; i++)
        x[i] -= length * direction[i];
    return l.total;
}

/* A step of length h along the gradient g changes the loss by h |g|. */
static void gradients_are_those_of_the_loss(void **state)
{
    struct model *m = *state;
    struct batch b = part_of(&pictures, 0, 2);
    struct model_losses l;
    struct augment_draw draws[2] = {AUGMENT_NONE, AUGMENT_NONE};
    draws[1].rotate = 0.2f;
    draws[0].warp[1][1][0] = 0.2f;
    b.draws[MODEL_A] = draws;
    assert_ok(model_backward(m, &b, 2, &l, &em));
    const struct model_flat *flat = model_flat(m);
    const double *g = flat->gradients;
    double square = 0.0;
    for (size_t i = 0; i < flat->count; i++)
        square += g[i] * g[i];
    assert_true(square > 0.0);
    double h = 1e-6 / sqrt(square);
    double slope = (loss_at(m, &b, g, h) - loss_at(m, &b, g, -h)) / (2 * h);
    assert_near(slope / square, 1.0, 1e-4);
}

struct seen {
    const double *gradients;
    double *then; /* as they were when announced */
    size_t calls;
};

static void note(void *ctx, size_t offset, size_t count)
{
    struct seen *s = ctx;
    memcpy(s->then + offset, s->gradients + offset, count * sizeof *s->then);
    s->calls++;
}

static void an_announced_gradient_is_final(void **state)
{
    struct model *m = *state;
    const struct model_flat *flat = model_flat(m);
    const struct model_tensor *t;
    size_t n = model_layout(m, &t);
    struct seen s = {.gradients = flat->gradients, .then = calloc(flat->count, sizeof(double))};
    struct batch b = part_of(&pictures, 0, 2);
    struct model_losses l;
    assert_non_null(s.then);
    model_on_gradient_ready(m, note, &s);
    for (size_t pass = 1; pass <= 2; pass++) { /* the second adds to the first */
        assert_ok(model_backward(m, &b, 2, &l, &em));
        assert_int_equal(s.calls, pass * n);
        assert_memory_equal(s.then, flat->gradients, flat->count * sizeof(double));
    }
    b.n = 0;
    assert_ok(model_backward(m, &b, 2, &l, &em));
    model_on_gradient_ready(m, NULL, NULL);
    b.n = 1;
    assert_ok(model_backward(m, &b, 2, &l, &em));
    assert_int_equal(s.calls, 2 * n);
    free(s.then);
}

/* Of a model with every option, in the arithmetic that rounds most: backward computed from levels
 * that were kept, and from levels computed again. */
static void recomputed_stages_give_the_same_bits(void **state)
{
    (void)state;
    struct model *m[2];
    struct batch b = part_of(&pictures, 0, 2);
    struct model_options o = small_options(MODEL_BF16);
    o.config = (struct model_config){.image_size = SIDE,
                                     .latent = 16,
                                     .bottleneck = MODEL_BOTTLENECK_DENSE,
                                     .width = 16,
                                     .width_max = 32,
                                     .blocks = 1,
                                     .norm = MODEL_NORM_GROUP,
                                     .mask = 1};
    for (int again = 0; again < 2; again++) {
        struct model_losses l;
        o.recompute = again;
        assert_ok(model_new(&o, NULL, &m[again], &em));
        for (int64_t step = 1; step <= 2; step++) { /* the second one with other weights */
            assert_ok(model_zero_gradients(m[again], &em));
            assert_ok(model_backward(m[again], &b, 2, &l, &em));
            assert_ok(model_update(m[again], &(struct model_step){.lr = 1e-2, .step = step}, &em));
        }
    }
    size_t bytes = model_flat(m[0])->count * sizeof(float);
    const float *g = model_flat(m[0])->gradients;
    assert_memory_equal(g, model_flat(m[1])->gradients, bytes);
    assert_true(g[0] != 0.0f);
    model_free(m[0]);
    model_free(m[1]);
}

/* The first step writes gradients in its first pass and adds them in the second; later steps only
 * add, so that one graph serves both passes and takes one of the few places for graphs. */
static void passes_of_a_step_share_one_graph(void **state)
{
    struct model *m = *state;
    struct batch b = part_of(&pictures, 0, 2);
    struct model_losses l;
    m->options.cuda_graph = true; /* so few passes run without one, also on a CPU */
    for (int step = 1; step <= 2; step++) {
        assert_ok(model_zero_gradients(m, &em));
        for (int pass = 0; pass < RECORDED_AFTER - 1; pass++)
            assert_ok(model_backward(m, &b, 4, &l, &em));
        assert_int_equal(m->recorded.n, step == 1 ? 2 : 1);
    }
    assert_false(m->recorded.passes[0].kind.fresh);
    assert_int_equal(m->recorded.passes[0].seen, RECORDED_AFTER);
}

/* A pass without gradients before, as back-translation makes one, cuts none off. */
static void every_weight_has_a_gradient_behind_a_back_translation(void **state)
{
    (void)state;
    struct model *m = NULL;
    struct model_losses l;
    struct batch b = part_of(&pictures, 0, 2);
    struct augment_draw draws[2] = {AUGMENT_NONE, AUGMENT_NONE};
    struct model_options o = small_options(MODEL_BF16);
    o.config = (struct model_config){.image_size = SIDE, .latent = 16, .width = 16, .blocks = 1};
    draws[0].back_translation = true;
    b.draws[MODEL_A] = b.draws[MODEL_B] = draws;
    assert_ok(model_new(&o, NULL, &m, &em));
    assert_ok(model_backward(m, &b, 2, &l, &em));
    const struct architecture *a = model_architecture(m);
    const float *g = model_flat(m)->gradients;
    for (size_t i = 0; i < a->n_tensors; i++) {
        double sum = 0;
        for (size_t k = 0; k < a->tensors[i].count; k++)
            sum += fabs((double)g[a->tensors[i].offset + k]);
        assert_true(sum > 0);
    }
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gradients_are_those_of_the_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(an_announced_gradient_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(passes_of_a_step_share_one_graph, setup, teardown),
        cmocka_unit_test_setup_teardown(every_weight_has_a_gradient_behind_a_back_translation,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(recomputed_stages_give_the_same_bits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
