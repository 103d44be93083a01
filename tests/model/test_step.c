/* The training step: what the gradients are made of, and what a step promises. */
#include <math.h>

#include "batch.h"

static struct errmsg em;

static int clear_message(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    return 0;
}

static struct model_losses backward(struct model *m, const struct model_batch *b, double batch)
{
    struct model_losses l = {0};
    assert_ok(model_backward(m, b, batch, &l, &em));
    return l;
}

static double *copy_gradients(const struct model *m)
{
    const struct model_flat *flat = model_flat(m);
    double *copy = malloc(flat->count * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, flat->gradients, flat->count * sizeof *copy);
    return copy;
}

static double distance(const double *a, const double *b, size_t n)
{
    double sum = 0.0, norm = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (a[i] - b[i]) * (a[i] - b[i]);
        norm += b[i] * b[i];
    }
    assert_true(norm > 0.0);
    return sqrt(sum / norm);
}

/* Norm of the gradient of every tensor whose name begins so. */
static double part_norm(const struct model *m, const char *prefix)
{
    const struct model_tensor *t;
    size_t n = model_layout(m, &t);
    const double *g = model_flat(m)->gradients;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        if (strncmp(t[i].name, prefix, strlen(prefix)) == 0)
            for (size_t k = 0; k < t[i].count; k++)
                sum += g[t[i].offset + k] * g[t[i].offset + k];
    return sqrt(sum);
}

static void the_light_model_has_6696134_parameters(void **state)
{
    (void)state;
    struct model_config c = {.image_size = 128, .latent = 128};
    size_t count = 0;
    assert_ok(model_parameter_count(&c, &count, &em));
    assert_int_equal(count, 6696134); /* the brief's number */
    struct model_options o = small_options();
    o.config = c;
    o.precision = MODEL_FP32;
    struct model *m = model_make(&o);
    const struct model_tensor *t;
    assert_int_equal(model_layout(m, &t), 30);
    assert_string_equal(t[0].name, "encoder.r128.weight");
    assert_string_equal(t[9].name, "encoder.r8.bias");
    assert_string_equal(t[10].name, "decoder_a.r8.weight");
    assert_string_equal(t[29].name, "decoder_b.r128.bias");
    for (size_t i = 1; i < 30; i++)
        assert_int_equal(t[i].offset, t[i - 1].offset + t[i - 1].count);
    model_free(m);
}

static void sizes_that_cannot_work_are_named(void **state)
{
    (void)state;
    size_t count = 0;
    assert_status(model_parameter_count(&(struct model_config){100, 128}, &count, &em), ST_CONFIG);
    assert_text_has(em.text, "model.image_size = 100");
    em = (struct errmsg){0};
    struct model_options o = small_options();
    struct model *m = NULL;
    o.loss_weight[MODEL_LOSS_L1] = o.loss_weight[MODEL_LOSS_DSSIM] = 0.0;
    assert_status(model_new(&o, NULL, &m, &em), ST_CONFIG);
    em = (struct errmsg){0};
    o = small_options();
    o.device = "gpu";
    assert_status(model_new(&o, NULL, &m, &em), ST_CONFIG);
    assert_text_has(em.text, "\"gpu\"");
}

static void micro_batches_add_up_to_the_batch(void **state)
{
    (void)state;
    struct people *p = people_new();
    struct model_options o = small_options();
    struct model *m = model_make(&o);
    struct model_batch all = people_batch(p, 0, SAMPLES);
    struct model_losses whole = backward(m, &all, SAMPLES);
    double *want = copy_gradients(m);
    assert_ok(model_zero_gradients(m, &em));
    struct model_batch first = people_batch(p, 0, 1), rest = people_batch(p, 1, SAMPLES - 1);
    struct model_losses one = backward(m, &first, SAMPLES), three = backward(m, &rest, SAMPLES);
    assert_true(distance(model_flat(m)->gradients, want, model_flat(m)->count) < 1e-12);
    assert_true(fabs(one.total + three.total - whole.total) < 1e-12 * whole.total);
    assert_true(whole.term[MODEL_A][MODEL_LOSS_DSSIM] > 0.0);
    free(want);
    model_free(m);
    free(p);
}

static void an_empty_batch_adds_nothing(void **state)
{
    (void)state;
    struct people *p = people_new();
    struct model_options o = small_options();
    struct model *m = model_make(&o);
    struct model_batch all = people_batch(p, 0, 1), none = {0};
    backward(m, &all, 1);
    double *before = copy_gradients(m);
    struct model_losses l = backward(m, &none, SAMPLES);
    assert_true(l.total == 0.0);
    assert_memory_equal(model_flat(m)->gradients, before, model_flat(m)->count * sizeof(double));
    free(before);
    model_free(m);
    free(p);
}

/* The encoder's gradient is the sum of both people's; a decoder's is its own person's. */
static void people_meet_in_the_encoder_only(void **state)
{
    (void)state;
    struct people *p = people_new();
    struct model_options o = small_options();
    struct model *m = model_make(&o);
    struct model_batch both = people_batch(p, 0, 2), a = both, b = both;
    a.images[MODEL_B] = b.images[MODEL_A] = NULL;
    struct model_losses of_a = backward(m, &a, 2);
    assert_true(of_a.term[MODEL_B][MODEL_LOSS_L1] == 0.0);
    assert_true(part_norm(m, "encoder") > 0.0 && part_norm(m, "decoder_a") > 0.0);
    assert_true(part_norm(m, "decoder_b") == 0.0);
    double *only_a = copy_gradients(m);
    backward(m, &b, 2);
    double *sum = copy_gradients(m);
    assert_true(part_norm(m, "decoder_b") > 0.0);
    assert_true(distance(sum, only_a, model_flat(m)->count) > 1e-3);
    assert_ok(model_zero_gradients(m, &em));
    backward(m, &both, 2);
    assert_true(distance(model_flat(m)->gradients, sum, model_flat(m)->count) < 1e-12);
    free(sum);
    free(only_a);
    model_free(m);
    free(p);
}

/* The derivative along the gradient, measured by moving the parameters a little. */
static void gradients_are_those_of_the_loss(void **state)
{
    (void)state;
    struct people *p = people_new();
    struct model_options o = small_options();
    o.mask_weight = 3.0;
    struct model *m = model_make(&o);
    struct model_batch b = people_batch(p, 0, 2);
    b.masks[MODEL_A] = p->masks[MODEL_A];
    b.masks[MODEL_B] = p->masks[MODEL_B];
    backward(m, &b, 2);
    const struct model_flat *flat = model_flat(m);
    double *x = flat->parameters, *g = flat->gradients, square = 0.0;
    for (size_t i = 0; i < flat->count; i++)
        square += g[i] * g[i];
    double h = 1e-6 / sqrt(square);
    struct model_losses up, down;
    for (size_t i = 0; i < flat->count; i++)
        x[i] += h * g[i];
    assert_ok(model_evaluate(m, &b, 2, &up, &em));
    for (size_t i = 0; i < flat->count; i++)
        x[i] -= 2 * h * g[i];
    assert_ok(model_evaluate(m, &b, 2, &down, &em));
    double slope = (up.total - down.total) / (2 * h);
    assert_true(fabs(slope / square - 1.0) < 1e-4);
    model_free(m);
    free(p);
}

static void train(struct model *m, const struct model_batch *b, int steps,
                  struct model_losses *last)
{
    for (int step = 1; step <= steps; step++) {
        assert_ok(model_zero_gradients(m, &em));
        *last = backward(m, b, (double)b->n);
        assert_ok(model_update(m, 1e-3, step, &em));
    }
}

static void training_lowers_the_loss_in_every_precision(void **state)
{
    (void)state;
    struct people *p = people_new();
    struct model_batch b = people_batch(p, 0, 2);
    for (int precision = MODEL_FP32; precision <= MODEL_FP64; precision++) {
        struct model_options o = small_options();
        o.precision = (enum model_precision)precision;
        struct model *m = model_make(&o);
        struct model_losses before, after;
        assert_ok(model_evaluate(m, &b, 2, &before, &em));
        train(m, &b, 10, &after);
        assert_true(after.total < 0.95 * before.total);
        model_free(m);
    }
    free(p);
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    (void)state;
    struct people *p = people_new();
    struct model_batch b = people_batch(p, 0, 3);
    struct model_options o = small_options();
    o.precision = MODEL_FP32;
    struct model *one = model_make(&o), *two = model_make(&o);
    o.seed++;
    struct model *other = model_make(&o);
    size_t bytes = model_flat(one)->count * sizeof(float);
    assert_memory_not_equal(model_flat(one)->parameters, model_flat(other)->parameters, bytes);
    struct model_losses l;
    train(one, &b, 3, &l);
    train(two, &b, 3, &l);
    assert_memory_equal(model_flat(one)->parameters, model_flat(two)->parameters, bytes);
    assert_memory_equal(model_flat(one)->exp_avg_sq, model_flat(two)->exp_avg_sq, bytes);
    model_free(one);
    model_free(two);
    model_free(other);
    free(p);
}

/* An empty mask and a full one weigh all pixels alike; another changes the loss. */
static void masks_weigh_pixels(void **state)
{
    (void)state;
    struct people *p = people_new();
    struct model_options o = small_options();
    struct model *plain = model_make(&o);
    o.mask_weight = 4.0;
    struct model *weighted = model_make(&o);
    struct model_batch b = people_batch(p, 0, 2);
    struct model_losses want, got;
    assert_ok(model_evaluate(plain, &b, 2, &want, &em));
    assert_ok(model_evaluate(weighted, &b, 2, &got, &em));
    assert_true(got.total == want.total);
    b.masks[MODEL_A] = p->masks[MODEL_A];
    b.masks[MODEL_B] = p->masks[MODEL_B];
    assert_ok(model_evaluate(weighted, &b, 2, &got, &em));
    assert_true(fabs(got.total - want.total) > 1e-6);
    for (int value = 0; value <= 255; value += 255) {
        memset(p->masks, value, sizeof p->masks);
        assert_ok(model_evaluate(weighted, &b, 2, &got, &em));
        assert_true(fabs(got.total - want.total) < 1e-12);
    }
    model_free(plain);
    model_free(weighted);
    free(p);
}

static void memory_handed_in_is_where_the_state_lives(void **state)
{
    (void)state;
    struct people *p = people_new();
    struct model_options o = small_options();
    size_t count = 0;
    assert_ok(model_parameter_count(&o.config, &count, &em));
    double *arrays[4];
    for (int i = 0; i < 4; i++)
        assert_non_null(arrays[i] = calloc(count, sizeof *arrays[i]));
    struct model_memory memory = {arrays[0], arrays[1], arrays[2], arrays[3]};
    struct model *m = NULL;
    assert_ok(model_new(&o, &memory, &m, &em));
    struct model_batch b = people_batch(p, 0, 1);
    struct model_losses l;
    train(m, &b, 1, &l);
    assert_ptr_equal(model_flat(m)->gradients, arrays[1]);
    for (int i = 0; i < 4; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < count; k++)
            sum += fabs(arrays[i][k]);
        assert_true(sum > 0.0);
    }
    model_free(m);
    for (int i = 0; i < 4; i++)
        free(arrays[i]);
    free(p);
}

struct seen {
    const double *gradients;
    double *at_ready; /* the gradients as they were when announced */
    size_t calls, elements;
};

static void note(void *ctx, size_t offset, size_t count)
{
    struct seen *s = ctx;
    memcpy(s->at_ready + offset, s->gradients + offset, count * sizeof *s->at_ready);
    s->calls++;
    s->elements += count;
}

static void each_gradient_is_announced_once_and_final(void **state)
{
    (void)state;
    struct people *p = people_new();
    struct model_options o = small_options();
    struct model *m = model_make(&o);
    const struct model_flat *flat = model_flat(m);
    struct seen s = {.gradients = flat->gradients, .at_ready = calloc(flat->count, sizeof(double))};
    assert_non_null(s.at_ready);
    model_on_gradient_ready(m, note, &s);
    struct model_batch b = people_batch(p, 0, 2);
    const struct model_tensor *t;
    size_t n = model_layout(m, &t);
    for (size_t pass = 1; pass <= 2; pass++) { /* the second adds to the first */
        backward(m, &b, 2);
        assert_int_equal(s.calls, pass * n);
        assert_int_equal(s.elements, pass * flat->count);
        assert_memory_equal(s.at_ready, flat->gradients, flat->count * sizeof(double));
    }
    model_on_gradient_ready(m, NULL, NULL);
    backward(m, &b, 2);
    assert_int_equal(s.calls, 2 * n);
    free(s.at_ready);
    model_free(m);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, clear_message)
        TEST(the_light_model_has_6696134_parameters),
        TEST(sizes_that_cannot_work_are_named),
        TEST(micro_batches_add_up_to_the_batch),
        TEST(an_empty_batch_adds_nothing),
        TEST(people_meet_in_the_encoder_only),
        TEST(gradients_are_those_of_the_loss),
        TEST(training_lowers_the_loss_in_every_precision),
        TEST(the_same_seed_gives_the_same_bits),
        TEST(masks_weigh_pixels),
        TEST(memory_handed_in_is_where_the_state_lives),
        TEST(each_gradient_is_announced_once_and_final),
#undef TEST
    };
    model_runtime_configure(1, true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
