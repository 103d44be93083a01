/* The network's layers against the same in double precision, computed by libtorch's convolutions.
 */
#include "shim/shim.h"

#include <math.h>

#include "testing.h"

static struct errmsg em;

enum kind { DOWN, UP, SAME };

/* A layer of `inner` and `outer` channels, and the size of what goes in. */
struct layer {
    enum kind kind;
    int64_t n, height, width, outer, inner;
    double slope;
};

enum { IN, WEIGHT, BIAS, OUT, TENSORS };

/* The output, and the gradients with respect to the others; all in double precision. */
struct results {
    double *of[TENSORS];
    size_t count[TENSORS];
};

static void results_free(struct results *r)
{
    for (int i = 0; i < TENSORS; i++)
        free(r->of[i]);
}

/* As many numbers as dims say, in (-1, 1), without any pattern. */
static struct shim_tensor *numbers(struct shim_scope *s, unsigned seed, size_t n_dims,
                                   const int64_t *dims)
{
    size_t count = 1;
    for (size_t i = 0; i < n_dims; i++)
        count *= (size_t)dims[i];
    float *values = calloc(count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) / (float)(1 << 23) - 1.0f;
    }
    struct shim_tensor *t = shim_from_memory(s, SHIM_F32, values, n_dims, dims);
    free(values);
    return t;
}

/* Small, or alternately so large in either direction that no output is near LeakyReLU's bend, where
 * a rounding error would change a gradient by much. */
static struct shim_tensor *biases(struct shim_scope *s, bool large, const int64_t *count)
{
    enum { MOST = 128 };
    float values[MOST];
    assert_in_range(*count, 1, MOST);
    for (int i = 0; i < *count; i++)
        values[i] = large ? (i % 2 ? 200.0f : -200.0f) : 0.5f * (float)(i % 3) - 0.5f;
    return shim_from_memory(s, SHIM_F32, values, 1, count);
}

static struct shim_tensor *apply(struct shim_scope *s, const struct layer *l, bool plain,
                                 struct shim_tensor *const in[])
{
    if (!plain)
        return (l->kind == DOWN ? shim_conv_down
                : l->kind == UP ? shim_conv_up
                                : shim_conv_same)(s, in[IN], in[WEIGHT], in[BIAS], l->slope);
    struct shim_tensor *y =
        (l->kind == UP ? shim_conv_transpose2d : shim_conv2d)(s, in[IN], in[WEIGHT], in[BIAS],
                                                              l->kind == SAME ? 1 : 2, 1);
    return shim_leaky_relu(s, y, l->slope);
}

static void read_into(struct results *r, int i, struct shim_scope *s, struct shim_tensor *t)
{
    int64_t dims[SHIM_DIMS_MAX];
    size_t n_dims = shim_dims(t, dims);
    r->count[i] = 1;
    for (size_t d = 0; d < n_dims; d++)
        r->count[i] *= (size_t)dims[d];
    r->of[i] = calloc(r->count[i], sizeof(double));
    assert_non_null(r->of[i]);
    shim_to_memory(s, t, SHIM_F64, r->of[i], r->count[i]);
}

struct way {
    const char *device;
    enum shim_dtype dtype;
    bool bf16, plain, twice_differentiable, large_bias;
};

/* What a layer is given. */
static void inputs(struct shim_scope *s, const struct layer *l, bool large_bias,
                   struct shim_tensor *in[static OUT])
{
    bool up = l->kind == UP;
    int64_t taps = l->kind == SAME ? 3 : 4;
    in[IN] = numbers(s, 1, 4, (int64_t[]){l->n, up ? l->inner : l->outer, l->height, l->width});
    in[WEIGHT] = numbers(s, 2, 4, (int64_t[]){l->inner, l->outer, taps, taps});
    in[BIAS] = biases(s, large_bias, up ? &l->outer : &l->inner);
}

/* A sum in which each element of y has a weight of its own. */
static struct shim_tensor *weighted_sum(struct shim_scope *s, struct shim_tensor *y)
{
    int64_t dims[SHIM_DIMS_MAX];
    size_t n_dims = shim_dims(y, dims);
    return shim_sum(s, shim_mul(s, y, numbers(s, 3, n_dims, dims)));
}

/* Whether it succeeds: a second derivative may not. */
static enum status run(const struct layer *l, struct way way, struct results *r)
{
    struct shim_scope *s = NULL;
    struct shim_tensor *in[OUT];
    assert_ok(shim_scope_new(way.device, way.dtype, &s, &em));
    inputs(s, l, way.large_bias, in);
    for (int i = 0; i < OUT; i++)
        in[i] = shim_leaf(s, in[i]);
    shim_autocast(s, way.bf16);
    struct shim_tensor *y = apply(s, l, way.plain, in);
    shim_autocast(s, false);
    read_into(r, OUT, s, y);
    struct shim_tensor *loss = weighted_sum(s, y);
    for (int i = 0; i < OUT; i++)
        read_into(r, i, s, shim_gradient(s, loss, in[i], way.twice_differentiable));
    enum status st = shim_scope_check(s, &em);
    shim_scope_free(s);
    return st;
}

/* Of the largest number, how far is the farthest one off? */
static double distance(const double *a, const double *b, size_t n)
{
    double off = 0.0, largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        off = fmax(off, isnan(a[i]) ? INFINITY : fabs(a[i] - b[i]));
        largest = fmax(largest, fabs(b[i]));
    }
    return off / largest;
}

/*
 * The largest sums here have 16 x 48 terms, or as many as pixels. In fp32 (eps 6e-8) they are off
 * by about 1e-7 sqrt(terms) of the largest, with every order of additions. In bf16 (eps 4e-3)
 * inputs, sums of four inputs and the output are rounded; of the many roundings of a sum most
 * cancel.
 */
static void compare_way(const struct layer *l, struct way way, int first, int last)
{
    static const char *const names[] = {"input's gradient", "weight's gradient", "bias's gradient",
                                        "output"};
    struct results exact = {0}, got = {0}, again = {0};
    const struct way truth = {.device = "cpu",
                              .dtype = SHIM_F64,
                              .plain = true,
                              .large_bias = way.large_bias};
    assert_ok(run(l, truth, &exact));
    assert_ok(run(l, way, &got));
    assert_ok(run(l, way, &again));
    for (int i = first; i <= last; i++) {
        assert_int_equal(got.count[i], exact.count[i]);
        double off = distance(got.of[i], exact.of[i], exact.count[i]);
        if (!(off < (way.bf16 ? 3e-2 : 1e-5)))
            fail_msg("%s of a layer for %ld x %ld on %s: off by %g", names[i], (long)l->height,
                     (long)l->width, way.device, off);
        assert_memory_equal(got.of[i], again.of[i], got.count[i] * sizeof(double));
    }
    results_free(&exact), results_free(&got), results_free(&again);
}

/* On the CPU, and on a GPU where there is one. */
static void compare(const struct layer *l, bool bf16)
{
    static const char *const devices[] = {"cpu", "cuda"};
    for (int i = 0; i < (shim_cuda_count() > 0 ? 2 : 1); i++) {
        struct way way = {.device = devices[i], .dtype = SHIM_F32, .bf16 = bf16};
        compare_way(l, way, OUT, OUT);
        way.large_bias = true;
        compare_way(l, way, IN, BIAS);
    }
}

/* What we compute ourselves on a CPU: as Winograd does, and the layers of few channels. */
static const struct layer ours[] = {
    {DOWN, 2, 32, 32, 16, 32, 0.2},
    {DOWN, 3, 20, 28, 48, 16, 0.2},
    {DOWN, 7, 12, 16, 16, 16, 1.0},
    {DOWN, 1, 64, 32, 32, 32, 0.2},
    {UP,   2, 16, 16, 32, 16, 0.2},
    {UP,   5, 10, 14, 16, 48, 0.2},
    {UP,   1, 32, 16, 32, 32, 1.0},
    {DOWN, 2, 32, 32, 3,  16, 0.2},
    {DOWN, 1, 64, 80, 3,  80, 0.2},
    {DOWN, 3, 4,  12, 1,  64, 1.0},
    {UP,   2, 16, 16, 3,  16, 1.0},
    {UP,   1, 40, 32, 3,  80, 0.2},
    {UP,   3, 6,  4,  4,  48, 0.2},
};

/* odd channels; too few pixels; a height that does not divide into tiles */
static const struct layer plain[] = {
    {DOWN, 2, 32, 32, 5,  16, 0.2},
    {UP,   2, 16, 16, 3,  24, 1.0},
    {DOWN, 1, 8,  8,  16, 16, 0.2},
    {DOWN, 4, 34, 32, 16, 16, 0.2},
    {UP,   4, 17, 16, 16, 16, 0.2},
    {SAME, 2, 16, 12, 24, 16, 0.2},
    {SAME, 3, 9,  16, 5,  3,  1.0},
};

#define EACH(l, layers) \
    for (const struct layer *l = layers; l < layers + sizeof layers / sizeof *layers; l++)

static void layers_are_exact_in_fp32(void **state)
{
    (void)state;
    EACH(l, ours)
    compare(l, false);
    EACH(l, plain)
    compare(l, false);
}

static void layers_are_near_in_bf16(void **state)
{
    (void)state;
    EACH(l, ours)
    compare(l, true);
    EACH(l, plain)
    compare(l, true);
}

static void several_threads_compute_the_same(void **state)
{
    (void)state;
    int64_t before = shim_get_threads();
    assert_ok(shim_set_threads(3, &em));
    EACH(l, ours)
    compare(l, false);
    assert_ok(shim_set_threads(before, &em));
}

/* All gradients of a layer, as (input, weight, bias), in floats that the caller frees; the bias
 * trained or not. overwritten 0: from one backward. Else all that are in memory are this number
 * when `passes` backwards begin, each of a loss that uses the layer `uses` times. */
static float *trained_over(const struct layer *l, bool bf16, bool train_bias, float overwritten,
                           int passes, int uses, struct results *of)
{
    struct shim_scope *s = NULL;
    struct shim_group *g = NULL;
    struct shim_tensor *in[OUT];
    size_t offset = 0, all = of->count[IN] + of->count[WEIGHT] + of->count[BIAS];
    float *values = calloc(all, sizeof *values);
    assert_non_null(values);
    assert_ok(shim_scope_new("cpu", SHIM_F32, &s, &em));
    assert_ok(shim_group_new("cpu", SHIM_F32, all, NULL, &g, &em));
    inputs(s, l, true, in);
    for (int i = 0; i < OUT; i++) {
        int64_t dims[SHIM_DIMS_MAX];
        size_t n_dims = shim_dims(in[i], dims), count = of->count[i];
        shim_to_memory(s, in[i], SHIM_F32, values, count);
        assert_ok(shim_group_write(g, SHIM_PARAMETERS, offset, values, count, &em));
        assert_ok(shim_group_parameter(g, offset, n_dims, dims, &in[i], &em));
        offset += count;
    }
    if (!train_bias)
        assert_ok(shim_group_freeze(g, all - of->count[BIAS], of->count[BIAS], &em));
    if (overwritten != 0) {
        for (size_t i = 0; i < all; i++)
            values[i] = overwritten;
        assert_ok(shim_group_zero_gradients(g, &em));
        assert_ok(shim_group_write(g, SHIM_GRADIENTS, 0, values, all, &em));
    }
    for (int pass = 0; pass < passes; pass++) {
        shim_autocast(s, bf16);
        struct shim_tensor *loss = weighted_sum(s, apply(s, l, false, in));
        for (int use = 1; use < uses; use++)
            loss = shim_add(s, loss, weighted_sum(s, apply(s, l, false, in)));
        shim_autocast(s, false);
        shim_backward(s, loss, false);
        shim_group_add_gradients(g);
    }
    assert_ok(shim_scope_check(s, &em));
    assert_ok(shim_group_read(g, SHIM_GRADIENTS, 0, values, all, &em));
    shim_scope_free(s);
    shim_group_free(g);
    return values;
}

static float *trained(const struct layer *l, bool bf16, bool train_bias, struct results *of)
{
    return trained_over(l, bf16, train_bias, 0, 1, 1, of);
}

/* An addition is a launch, and a pass over memory. */
static void the_first_gradient_of_a_weight_is_written_and_later_ones_are_added(void **state)
{
    (void)state;
    EACH(l, ours)
    {
        if (l->kind == SAME) /* libtorch's on a CPU: always added */
            continue;
        struct results alone = {0};
        struct way way = {.device = "cpu", .dtype = SHIM_F32, .large_bias = true};
        assert_ok(run(l, way, &alone));
        float *once = trained(l, false, true, &alone);
        for (int passes = 1; passes <= 3; passes++) {
            float *over = trained_over(l, false, true, 7.0f, passes, 1, &alone), expected = 0;
            size_t first = alone.count[IN];
            for (size_t i = first; i < first + alone.count[WEIGHT]; i++) {
                expected = once[i];
                for (int pass = 1; pass < passes; pass++)
                    expected += once[i];
                assert_float_equal(over[i], expected, 0);
            }
            free(over);
        }
        float *twice = trained_over(l, false, true, 7.0f, 1, 2, &alone);
        for (size_t i = alone.count[IN]; i < alone.count[IN] + alone.count[WEIGHT]; i++)
            assert_float_equal(twice[i], 2 * once[i], 0);
        free(twice);
        free(once);
        results_free(&alone);
    }
}

/* One backward gives each gradient the bits it has alone, and one less where the bias is frozen. */
static void a_frozen_bias_changes_no_other_gradient(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++)
        EACH(l, ours)
        {
            struct results alone = {0};
            struct way way = {.device = "cpu",
                              .dtype = SHIM_F32,
                              .bf16 = bf16 > 0,
                              .large_bias = true};
            assert_ok(run(l, way, &alone));
            float *with = trained(l, bf16 > 0, true, &alone),
                  *without = trained(l, bf16 > 0, false, &alone);
            size_t at = 0;
            for (int i = 0; i < OUT; i++)
                for (size_t k = 0; k < alone.count[i]; k++, at++) {
                    assert_float_equal(with[at], (float)alone.of[i][k], 0);
                    assert_float_equal(without[at], i == BIAS ? 0 : with[at], 0);
                }
            free(with), free(without);
            results_free(&alone);
        }
}

/* What we compute ourselves has no second derivative; all else has one, in double precision too. */
static void second_derivatives_exist_or_are_refused(void **state)
{
    (void)state;
    EACH(l, ours)
    {
        struct results r = {0}, exact = {0};
        assert_status(
            run(l, (struct way){.device = "cpu", .dtype = SHIM_F32, .twice_differentiable = true},
                &r),
            ST_TORCH);
        assert_text_has(em.text, "first derivatives only");
        em = (struct errmsg){0};
        assert_ok(
            run(l, (struct way){.device = "cpu", .dtype = SHIM_F64, .twice_differentiable = true},
                &exact));
        results_free(&r), results_free(&exact);
    }
    EACH(l, plain)
    {
        struct results r = {0};
        assert_ok(
            run(l, (struct way){.device = "cpu", .dtype = SHIM_F32, .twice_differentiable = true},
                &r));
        results_free(&r);
    }
}

/* Also where libtorch would look at the shapes later than we do. */
static void what_does_not_fit_is_an_error(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        struct shim_scope *s = NULL;
        assert_ok(shim_scope_new("cpu", SHIM_F32, &s, &em));
        int64_t channels = wrong == 0 ? 32 : 16, biases = wrong == 1 ? 17 : 16;
        struct shim_tensor *x = shim_full(s, 1.0, 4, (int64_t[]){4, channels, 32, 32}),
                           *weight = shim_full(s, 1.0, 4, (int64_t[]){16, 16, 4, 4}),
                           *bias = shim_full(s, 1.0, 1, &biases);
        assert_null(shim_conv_down(s, x, weight, bias, 0.2));
        assert_status(shim_scope_check(s, &em), ST_TORCH);
        em = (struct errmsg){0};
        shim_scope_free(s);
    }
}

/* fp32 on a GPU is compared as fp32, not as TF32. */
static int without_tf32(void **state)
{
    (void)state;
    assert_ok(shim_set_deterministic(true, &em));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_exact_in_fp32),
        cmocka_unit_test(layers_are_near_in_bf16),
        cmocka_unit_test(several_threads_compute_the_same),
        cmocka_unit_test(a_frozen_bias_changes_no_other_gradient),
        cmocka_unit_test(the_first_gradient_of_a_weight_is_written_and_later_ones_are_added),
        cmocka_unit_test(second_derivatives_exist_or_are_refused),
        cmocka_unit_test(what_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, without_tf32, NULL);
}
