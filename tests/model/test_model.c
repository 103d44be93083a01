/* A model from the outside: layout, gradients, accumulation, augmentation, pictures. */
#include "fixture.h"

#include <math.h>

static struct errmsg em;
static struct pictures pictures;

static int reset(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    draw_pictures(&pictures);
    return 0;
}

static struct model *open_model(enum model_precision precision)
{
    struct model_options o = small_options(precision);
    return model_make(&o);
}

/* The part of a flat array that belongs to tensors whose name begins so. */
static double norm_of(const struct model *m, const void *flat, const char *prefix)
{
    const struct model_tensor *t;
    size_t n = model_layout(m, &t);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; strncmp(t[i].name, prefix, strlen(prefix)) == 0 && k < t[i].count; k++) {
            double x = model_flat(m)->element_bytes == 8 ? ((const double *)flat)[t[i].offset + k]
                                                         : ((const float *)flat)[t[i].offset + k];
            sum += x * x;
        }
    return sqrt(sum);
}

static void the_light_model_has_its_parameters(void **state)
{
    (void)state;
    size_t count = 0;
    struct model_config light = {.image_size = 128, .latent = 128};
    assert_ok(model_parameter_count(&light, &count, &em));
    assert_int_equal(count, 6696134);
}

static void impossible_options_are_refused(void **state)
{
    (void)state;
    struct model *m = NULL;
    struct model_options good = small_options(MODEL_FP32), o = good;
    o.config.image_size = 100;
    assert_status(model_new(&o, NULL, &m, &em), ST_CONFIG);
    assert_text_has(em.text, "model.image_size");
    em = (struct errmsg){0};
    o = good;
    o.config.latent = -1;
    assert_status(model_new(&o, NULL, &m, &em), ST_CONFIG);
    assert_text_has(em.text, "model.latent");
    em = (struct errmsg){0};
    o = good;
    o.loss_weight[MODEL_LOSS_L1] = NAN;
    assert_status(model_new(&o, NULL, &m, &em), ST_CONFIG);
    assert_text_has(em.text, "loss.l1");
    em = (struct errmsg){0};
    o = good;
    o.adam_beta2 = 1;
    assert_status(model_new(&o, NULL, &m, &em), ST_CONFIG);
    em = (struct errmsg){0};
    o = good;
    o.device = "gpu7";
    assert_status(model_new(&o, NULL, &m, &em), ST_CONFIG);
    em = (struct errmsg){0};
    o = good;
    o.cuda_graph = true;
    assert_status(model_new(&o, NULL, &m, &em), ST_CONFIG);
    assert_text_has(em.text, "train.cuda_graph = true needs a GPU");
    em = (struct errmsg){0};
    o = good;
    o.device = "cuda:99";
    assert_status(model_new(&o, NULL, &m, &em), ST_NODEVICE);
    assert_null(m);
}

static void tensors_fill_the_flat_arrays(void **state)
{
    (void)state;
    struct model *m = open_model(MODEL_FP32);
    const struct model_tensor *t;
    size_t n = model_layout(m, &t), next = 0;
    assert_string_equal(t[0].name, "encoder.r64.weight");
    assert_string_equal(t[1].name, "encoder.r64.bias");
    assert_string_equal(t[n - 1].name, "decoder_b.r64.bias");
    assert_string_equal(t[n / 3].name, "decoder_a.r8.weight");
    for (size_t i = 0; i < n; i++) {
        size_t count = 1;
        for (int d = 0; d < t[i].n_dims; d++)
            count *= (size_t)t[i].dims[d];
        assert_int_equal(t[i].offset, next);
        assert_int_equal(t[i].count, count);
        next += count;
    }
    assert_int_equal(next, model_flat(m)->count);
    model_free(m);
}

static void initial_weights_follow_the_seed_and_the_name(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    struct model *a = open_model(MODEL_FP32), *b = open_model(MODEL_FP32), *c = NULL;
    o.seed++;
    assert_ok(model_new(&o, NULL, &c, &em));
    const float *pa = model_flat(a)->parameters, *pb = model_flat(b)->parameters,
                *pc = model_flat(c)->parameters;
    size_t count = model_flat(a)->count, same = 0;
    assert_memory_equal(pa, pb, count * sizeof *pa);
    for (size_t i = 0; i < count; i++)
        same += pa[i] == pc[i];
    assert_true(same < count / 1000);

    const struct model_tensor *t;
    size_t n = model_layout(a, &t);
    for (size_t i = 0; i < n; i += 2) { /* U(-b, b) has deviation b / sqrt(3) */
        double bound = 1 / sqrt((double)(t[i].dims[1] * 16));
        double deviation = norm_of(a, pa, t[i].name) / sqrt((double)t[i].count);
        assert_near(deviation, bound / sqrt(3), 0.06 * bound);
    }
    /* the decoders start alike, and unlike the encoder */
    size_t half = n / 3, decoder_count = t[2 * half].offset - t[half].offset;
    assert_memory_equal(pa + t[half].offset, pa + t[2 * half].offset, decoder_count * sizeof *pa);
    assert_true(memcmp(pa, pa + t[half].offset, 64) != 0);
    model_free(a);
    model_free(b);
    model_free(c);
}

/* What a layer is given it gives on as large, behind its LeakyReLU; the last begins near grey. */
static void he_weights_keep_the_deviation(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    struct model *he = NULL;
    o.init = MODEL_INIT_HE;
    assert_ok(model_new(&o, NULL, &he, &em));
    const float *p = model_flat(he)->parameters;
    const struct model_tensor *t;
    size_t n = model_layout(he, &t);
    for (size_t i = 0; i < n; i += 2) { /* weight, bias */
        bool decoder = t[i].name[0] == 'd', last = t[i].dims[1] == 3 && decoder;
        int64_t fan_in = decoder ? t[i].dims[0] * 4 : t[i].dims[1] * 16;
        double variance = (last ? 1.0 / 3 : 2 / 1.04) / (double)fan_in;
        double wanted = sqrt(variance * (double)t[i].count);
        assert_near(norm_of(he, p, t[i].name), wanted, 0.03 * wanted);
        assert_true(norm_of(he, p, t[i + 1].name) == 0);
    }
    model_free(he);
}

static void memory_may_be_the_callers(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    struct model *m = NULL, *own = open_model(MODEL_FP32);
    size_t count = 0;
    assert_ok(model_parameter_count(&o.config, &count, &em));
    float *memory = calloc(4 * count, sizeof *memory);
    struct model_memory given = {.parameters = memory,
                                 .gradients = memory + count,
                                 .exp_avg = memory + 2 * count,
                                 .exp_avg_sq = memory + 3 * count};
    assert_ok(model_new(&o, &given, &m, &em));
    assert_ptr_equal(model_flat(m)->gradients, memory + count);
    struct batch b = part_of(&pictures, 0, 2);
    struct model_losses l;
    struct model *both[] = {m, own};
    for (int i = 0; i < 2; i++) {
        assert_ok(model_backward(both[i], &b, 2, &l, &em));
        assert_ok(model_update(both[i], &(struct model_step){.lr = 1e-3, .step = 1}, &em));
    }
    assert_true(norm_of(m, memory + 2 * count, "") > 0);
    assert_memory_equal(memory, model_flat(own)->parameters, count * sizeof *memory);
    model_free(m);
    model_free(own);
    free(memory);
}

static void each_decoder_learns_from_its_own_person(void **state)
{
    (void)state;
    for (int person = 0; person < MODEL_PEOPLE; person++) {
        struct model *m = open_model(MODEL_FP32);
        struct batch b = part_of(&pictures, 0, 2);
        struct model_losses l;
        b.images[!person] = NULL;
        assert_ok(model_backward(m, &b, 2, &l, &em));
        const void *g = model_flat(m)->gradients;
        assert_true(norm_of(m, g, "encoder") > 0);
        assert_true(norm_of(m, g, person ? "decoder_b" : "decoder_a") > 0);
        assert_true(norm_of(m, g, person ? "decoder_a" : "decoder_b") == 0);
        assert_true(l.term[person][MODEL_LOSS_L1] > 0 && l.term[!person][MODEL_LOSS_L1] == 0);
        model_free(m);
    }
}

/* gradient(A) + gradient(B) = gradient(A and B): the encoder's comes from both people. */
static void micro_batches_add_up(void **state)
{
    (void)state;
    struct model *whole = open_model(MODEL_FP64), *parts = open_model(MODEL_FP64);
    struct model_losses l, sum = {0}, piece;
    struct batch b = part_of(&pictures, 0, N_MAX);
    assert_ok(model_backward(whole, &b, N_MAX, &l, &em));
    for (int i = 0; i < 4; i++) {
        b = part_of(&pictures, i % 2 ? 1 : 0, i % 2 ? 3 : 1); /* uneven: 1 and 3 */
        b.images[i / 2] = NULL;                               /* and one person at a time */
        assert_ok(model_backward(parts, &b, N_MAX, &piece, &em));
        sum.total += piece.total;
    }
    b.n = 0;
    assert_ok(model_backward(parts, &b, N_MAX, &piece, &em));
    assert_true(piece.total == 0);
    assert_near(sum.total, l.total, 1e-12);
    const double *a = model_flat(whole)->gradients, *p = model_flat(parts)->gradients;
    for (size_t i = 0; i < model_flat(whole)->count; i++)
        assert_near(a[i], p[i], 1e-13);
    assert_true(norm_of(whole, a, "encoder") > 1e-6);

    assert_ok(model_zero_gradients(parts, &em));
    assert_true(norm_of(parts, p, "") == 0);
    model_free(whole);
    model_free(parts);
}

static void the_same_step_gives_the_same_bits(void **state)
{
    (void)state;
    struct model *m[2] = {open_model(MODEL_FP32), open_model(MODEL_FP32)};
    for (int i = 0; i < 2; i++)
        for (int step = 1; step <= 3; step++) {
            struct batch b = part_of(&pictures, 0, N_MAX);
            struct model_losses l;
            assert_ok(model_zero_gradients(m[i], &em));
            assert_ok(model_backward(m[i], &b, N_MAX, &l, &em));
            assert_ok(model_update(m[i], &(struct model_step){.lr = 1e-3, .step = step}, &em));
        }
    assert_memory_equal(model_flat(m[0])->parameters, model_flat(m[1])->parameters,
                        model_flat(m[0])->count * sizeof(float));
    model_free(m[0]);
    model_free(m[1]);
}

static void training_lowers_the_loss(void **state)
{
    (void)state;
    static const enum model_precision precisions[] = {MODEL_FP32, MODEL_BF16};
    for (int i = 0; i < 2; i++) {
        struct model *m = open_model(precisions[i]);
        struct batch b = part_of(&pictures, 0, N_MAX);
        struct model_losses first = {0}, l;
        for (int step = 1; step <= 30; step++) {
            assert_ok(model_zero_gradients(m, &em));
            assert_ok(model_backward(m, &b, N_MAX, &l, &em));
            assert_ok(model_update(m, &(struct model_step){.lr = 1e-3, .step = step}, &em));
            if (step == 1)
                first = l;
        }
        assert_true(l.total < 0.9 * first.total);
        assert_near(l.total, l.term[0][0] + l.term[1][0] + 0.5 * (l.term[0][1] + l.term[1][1]),
                    1e-5);
        model_free(m);
    }
}

static void evaluation_leaves_no_gradient(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    struct model *m = NULL;
    o.loss_weight[MODEL_LOSS_DSSIM] = 0;
    assert_ok(model_new(&o, NULL, &m, &em));
    struct batch b = part_of(&pictures, 0, 2);
    struct model_losses l, trained;
    assert_ok(model_evaluate(m, &b, 2, &l, NULL, &em));
    assert_true(norm_of(m, model_flat(m)->gradients, "") == 0);
    assert_true(l.term[0][MODEL_LOSS_DSSIM] > 0); /* reported, though it does not count… */
    assert_near(l.total, l.term[0][MODEL_LOSS_L1] + l.term[1][MODEL_LOSS_L1], 1e-6);
    assert_ok(model_backward(m, &b, 2, &trained, &em));
    assert_true(trained.term[0][MODEL_LOSS_DSSIM] == 0); /* …and left out where it costs time */
    assert_true(trained.total == l.total);
    model_free(m);
}

struct ready {
    size_t ranges, elements;
};

static void note_ready(void *ctx, size_t offset, size_t count)
{
    struct ready *r = ctx;
    (void)offset;
    r->ranges++;
    r->elements += count;
}

static void every_gradient_is_announced_once(void **state)
{
    (void)state;
    struct model *m = open_model(MODEL_FP32);
    const struct model_tensor *t;
    struct ready r = {0};
    struct batch b = part_of(&pictures, 0, 1);
    struct model_losses l;
    model_on_gradient_ready(m, note_ready, &r);
    assert_ok(model_backward(m, &b, 1, &l, &em));
    assert_int_equal(r.ranges, model_layout(m, &t));
    assert_int_equal(r.elements, model_flat(m)->count);
    model_free(m);
}

/* By hand: w = (1 + 30 mask) / mean; the loss is mean(|recon - target| w). */
static void masks_weigh_pixels(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    struct model *m = NULL;
    struct batch b = part_of(&pictures, 0, 1);
    struct model_losses l;
    uint8_t *recon = malloc(PICTURE);
    o.mask_weight = 30;
    assert_ok(model_new(&o, NULL, &m, &em));
    assert_ok(model_evaluate(m, &b, 1, &l, NULL, &em));
    assert_ok(model_run(m, &b, &(struct model_pictures){.recon = {recon}}, &em));
    double sum = 0, weights = 0, plain = 0;
    for (int i = 0; i < PICTURE; i++) {
        double w = 1 + 30 * (double)b.masks[0][i / 3] / 255;
        double d = fabs((double)recon[i] - b.images[0][i]) / 255;
        sum += w * d;
        plain += d;
        weights += w;
    }
    assert_near(l.term[0][MODEL_LOSS_L1], sum / weights, 1e-3); /* recon is rounded to bytes */
    assert_true(fabs(plain / PICTURE - sum / weights) > 2e-3);  /* the mask does matter here */
    free(recon);
    model_free(m);
}

static void four_pictures_come_out(void **state)
{
    (void)state;
    struct model *m = open_model(MODEL_FP32);
    struct batch b = part_of(&pictures, 0, 2);
    uint8_t *out = calloc(7, 2 * PICTURE), *at[7];
    for (int i = 0; i < 7; i++)
        at[i] = out + i * 2 * PICTURE;
    struct model_pictures p = {
        .recon = {at[0], at[1]},
          .swap = {at[2], at[3]},
          .input = {at[4], at[5]}
    };
    const struct model_tensor *t;
    size_t n = model_layout(m, &t);
    float *parameters = model_flat(m)->parameters;
    parameters[t[n - 1].offset] += 1.0f; /* the decoders start alike: tell them apart */
    assert_ok(model_run(m, &b, &p, &em));
    assert_memory_equal(at[4], b.images[0], 2 * PICTURE); /* no draws: the pictures themselves */
    assert_memory_equal(at[5], b.images[1], 2 * PICTURE);

    /* swap[A] is A through decoder B: what B's reconstruction would be, were the picture B's */
    struct batch crossed = {
        .n = 2, .size = SIDE, .images = {NULL, b.images[0]}
    };
    assert_ok(model_run(m, &crossed,
                        &(struct model_pictures){
                            .recon = {NULL, at[6]}
    },
                        &em));
    assert_memory_equal(at[2], at[6], 2 * PICTURE);
    assert_true(memcmp(at[0], at[2], 2 * PICTURE) != 0);
    free(out);
    model_free(m);
}

/* The mask is the swapping decoder's: with a large bias, all of it is face. */
static void the_mask_of_a_swap_is_the_other_decoders(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    const struct model_tensor *tensors;
    static uint8_t swap[PICTURE], masks[MODEL_PEOPLE][MASK];
    o.config.mask = true;
    struct model *m = model_make(&o);
    size_t n = model_layout(m, &tensors);
    const struct model_tensor *last = &tensors[n - 1];
    assert_string_equal(last->name, "decoder_b.m64.bias");
    for (int64_t i = 0; i < last->dims[0]; i++)
        ((float *)model_flat(m)->parameters)[last->offset + (size_t)i] = 50;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        struct batch b = part_of(&pictures, 0, 1);
        struct model_pictures out = {0};
        b.images[1 - who] = NULL;
        out.swap[who] = swap;
        out.swap_mask[who] = masks[who];
        assert_ok(model_run(m, &b, &out, &em));
    }
    for (int i = 0; i < MASK; i++) {
        assert_int_equal(masks[MODEL_A][i], 255);
        assert_true(masks[MODEL_B][i] < 255);
    }
    model_free(m);
}

static void back_translation_shows_the_encoder_the_swap(void **state)
{
    (void)state;
    struct model *m = open_model(MODEL_FP32);
    const struct model_tensor *t;
    size_t n = model_layout(m, &t);
    ((float *)model_flat(m)->parameters)[t[n - 1].offset] += 1.0f; /* tell the decoders apart */
    struct batch b = part_of(&pictures, 0, 2);
    uint8_t *out = calloc(3, 2 * PICTURE);
    uint8_t *swap = out, *input = out + 2 * PICTURE, *input_b = out + 4 * PICTURE;
    struct model_pictures plain = {.swap = {swap}};
    struct model_pictures inputs = {
        .input = {input, input_b}
    };
    assert_ok(model_run(m, &b, &plain, &em));

    struct augment_draw none[2] = {AUGMENT_NONE, AUGMENT_NONE};
    struct augment_draw second[2] = {AUGMENT_NONE, AUGMENT_NONE};
    second[1].back_translation = true;
    b.draws[MODEL_A] = second;
    b.draws[MODEL_B] = none;
    assert_ok(model_run(m, &b, &inputs, &em));
    assert_memory_equal(input, b.images[MODEL_A], PICTURE);
    assert_memory_equal(input + PICTURE, swap + PICTURE, PICTURE);
    assert_memory_equal(input_b, b.images[MODEL_B], 2 * PICTURE);
    free(out);
    model_free(m);
}

/* The swap is data: what it was made with gets no gradient through it. */
static void no_gradient_passes_through_a_back_translation(void **state)
{
    (void)state;
    enum model_precision precisions[] = {MODEL_FP32, MODEL_BF16};
    for (int i = 0; i < 2; i++) {
        struct model *m = open_model(precisions[i]);
        struct batch b = part_of(&pictures, 0, 1);
        struct augment_draw d = AUGMENT_NONE;
        d.back_translation = true;
        b.images[MODEL_B] = NULL; /* A's samples alone, through decoder B and back */
        b.draws[MODEL_A] = &d;
        struct model_losses l;
        assert_ok(model_backward(m, &b, 1, &l, &em));
        const void *gradients = model_flat(m)->gradients;
        assert_true(norm_of(m, gradients, "encoder.r64.weight") > 0);
        assert_true(norm_of(m, gradients, "decoder_a.r8.weight") > 0);
        assert_true(norm_of(m, gradients, "decoder_b") == 0);
        model_free(m);
    }
}

/* Bad weights are an error of libtorch's kind or a number, never a crash. */
static void a_model_without_finite_weights_still_answers(void **state)
{
    (void)state;
    struct model *m = open_model(MODEL_FP32);
    struct batch b = part_of(&pictures, 0, 1);
    struct model_losses l;
    ((float *)model_flat(m)->parameters)[3] = NAN;
    assert_ok(model_backward(m, &b, 1, &l, &em));
    assert_true(isnan(l.total));
    model_free(m);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset)
    const struct CMUnitTest tests[] = {
        T(the_light_model_has_its_parameters),
        T(impossible_options_are_refused),
        T(tensors_fill_the_flat_arrays),
        T(initial_weights_follow_the_seed_and_the_name),
        T(he_weights_keep_the_deviation),
        T(memory_may_be_the_callers),
        T(each_decoder_learns_from_its_own_person),
        T(micro_batches_add_up),
        T(the_same_step_gives_the_same_bits),
        T(training_lowers_the_loss),
        T(evaluation_leaves_no_gradient),
        T(every_gradient_is_announced_once),
        T(masks_weigh_pixels),
        T(four_pictures_come_out),
        T(the_mask_of_a_swap_is_the_other_decoders),
        T(back_translation_shows_the_encoder_the_swap),
        T(no_gradient_passes_through_a_back_translation),
        T(a_model_without_finite_weights_still_answers),
    };
    model_runtime_configure(1, true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
