/* Mean codes, as training learns them and swaps use them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "model_priv.h"

static struct errmsg em;
static struct pictures pictures;

static struct model *make(void)
{
    struct model_options o = small_options(MODEL_FP32);
    o.config.mean_codes = 1;
    o.config.width = o.config.width_max = 0; /* by default: narrow networks draw all codes grey */
    struct model *m = NULL;
    assert_ok(model_new(&o, NULL, &m, &em));
    return m;
}

/* mean (count) of the codes of a person's first n pictures. */
static void mean_of_codes(struct model *m, int who, size_t n, float *mean)
{
    struct shim_scope *s = m->scope;
    size_t count = m->architecture->mean_codes[who].count;
    const int64_t dims[] = {(int64_t)n, SIDE, SIDE, 3}, order[] = {0, 3, 1, 2};
    float *codes = calloc(n * count, sizeof *codes);
    assert_non_null(codes);
    shim_no_grad(s, true);
    struct shim_tensor *x = shim_from_memory(s, SHIM_U8, pictures.images[who], 4, dims);
    x = shim_permute(s, shim_affine(s, x, 1.0 / 255, 0), 4, order);
    shim_to_memory(s, network_encode(s, &m->network, x), SHIM_F32, codes, n * count);
    assert_ok(shim_scope_check(s, &em));
    shim_scope_reset(s);
    memset(mean, 0, count * sizeof *mean);
    for (size_t i = 0; i < n * count; i++)
        mean[i % count] += codes[i] / (float)n;
    free(codes);
}

static double distance(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs((double)(a[i] - b[i])) / (double)n;
    return sum;
}

static void steps(struct model *m, const struct batch *b, int64_t n)
{
    struct model_losses l;
    for (int64_t step = 1; step <= n; step++) {
        assert_ok(model_zero_gradients(m, &em));
        assert_ok(model_backward(m, b, (double)b->n, &l, &em));
        assert_ok(model_update(m, &(struct model_step){.lr = 1e-3, .step = step}, &em));
    }
}

/* Steps of the means alone, while the encoder stands still: what they reach is the mean. */
static void they_are_learned(void **state)
{
    (void)state;
    struct model *m = make();
    struct batch b = part_of(&pictures, 0, 2);
    const struct model_tensor *of = m->architecture->mean_codes;
    struct model_range means = {of[0].offset, of[0].count + of[1].count};
    float *wanted = calloc(of->count, sizeof *wanted),
          *nothing = calloc(of->count, sizeof *nothing);
    struct model_losses l;
    assert_true(wanted && nothing);
    for (int64_t step = 1; step <= 3; step++) {
        assert_ok(model_zero_gradients(m, &em));
        assert_ok(model_backward(m, &b, (double)b.n, &l, &em));
        assert_ok(model_update_range(m, &(struct model_step){.lr = 1, .step = step}, means, &em));
    }
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        const float *is = (float *)model_flat(m)->parameters + of[who].offset;
        mean_of_codes(m, who, b.n, wanted);
        assert_true(distance(is, wanted, of->count) < 1e-5 * distance(nothing, wanted, of->count));
    }
    free(wanted);
    free(nothing);
    model_free(m);
}

/* Pictures in the other's colours or surroundings tell nothing of a person's mean; the network's
 * own swap stands for the picture it was made of. */
static void altered_pictures_do_not_count(void **state)
{
    (void)state;
    struct augment_draw draws[2] = {AUGMENT_NONE, AUGMENT_NONE};
    struct augment_draw other[2] = {AUGMENT_NONE, AUGMENT_NONE};
    struct model *m = make();
    struct batch b = part_of(&pictures, 0, 2);
    const struct model_tensor *of = m->architecture->mean_codes;
    float *g = model_flat(m)->gradients, *first = calloc(of->count, sizeof *first);
    struct model_losses l;
    assert_non_null(first);
    b.draws[MODEL_A] = draws;
    b.draws[MODEL_B] = other;
    for (int kind = 0; kind < 3; kind++) {
        draws[0].surroundings = kind >= 1; /* of a swap, drawn for nothing */
        draws[0].back_translation = kind == 2;
        assert_ok(model_zero_gradients(m, &em));
        assert_ok(model_backward(m, &b, 2, &l, &em));
        if (kind == 0)
            memcpy(first, g + of->offset, of->count * sizeof *first);
        else
            assert_true((distance(g + of->offset, first, of->count) < 1e-9) == (kind == 2));
    }
    draws[0].back_translation = false;
    draws[0].surroundings = draws[1].surroundings = true;
    assert_ok(model_zero_gradients(m, &em));
    assert_ok(model_backward(m, &b, 2, &l, &em));
    for (size_t i = 0; i < of->count; i++)
        assert_true(g[of->offset + i] == 0);
    free(first);
    model_free(m);
}

/* A swap is of the code between: with means that carry A's code of a picture to B's code of
 * another, A's picture becomes B's reconstruction. */
static void a_swap_goes_from_mean_to_mean(void **state)
{
    (void)state;
    static uint8_t recon[PICTURE], swap[PICTURE], unmoved[PICTURE];
    struct model *m = make();
    struct batch b = part_of(&pictures, 0, 1);
    steps(m, &b, 3);
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        const struct model_tensor *of = &m->architecture->mean_codes[who];
        memset((float *)model_flat(m)->parameters + of->offset, 0, of->count * sizeof(float));
    }
    struct model_pictures out = {.recon = {[MODEL_B] = recon}, .swap = {[MODEL_A] = unmoved}};
    assert_ok(model_run(m, &b, &out, &em));
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        const struct model_tensor *of = &m->architecture->mean_codes[who];
        mean_of_codes(m, who, 1, (float *)model_flat(m)->parameters + of->offset);
    }
    out = (struct model_pictures){.swap = {[MODEL_A] = swap}};
    assert_ok(model_run(m, &b, &out, &em));
    int far = 0, moved = 0;
    for (int i = 0; i < PICTURE; i++) {
        far = abs(swap[i] - recon[i]) > far ? abs(swap[i] - recon[i]) : far;
        moved += swap[i] != unmoved[i];
    }
    assert_true(far <= 1);
    assert_true(moved > PICTURE / 20);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_learned),
        cmocka_unit_test(altered_pictures_do_not_count),
        cmocka_unit_test(a_swap_goes_from_mean_to_mean),
    };
    draw_pictures(&pictures);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
