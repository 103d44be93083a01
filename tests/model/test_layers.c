/* The table of layer kinds against what its functions do, on the CPU: shape, parameters, cost,
 * start and growth. A new kind needs a case. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "init.h"
#include "layers.h"
#include "model/architecture.h"
#include "testing.h"

enum { SAMPLES = 2, VALUES_MAX = 1 << 16 };

static struct errmsg em;

/* Layers with a scale of outputs that follows from init.h: of inputs with a mean square of 1 those
 * of activated layers have 1, others 1 / 3. resamples: a network can grow by it. */
/* clang-format off */
static const struct {
    struct architecture_layer layer;
    double mean_square;
    bool resamples;
} cases[] = {
    {{LAYER_CONV, .kernel = 4, .n_in = 8, .n_out = 12, .size_in = 16, .size_out = 8, .activated = true}, 1, true},
    {{LAYER_CONV, .kernel = 3, .n_in = 8, .n_out = 8, .size_in = 16, .size_out = 16}, 1. / 3, false},
    {{LAYER_CONV_TRANSPOSE, .kernel = 4, .n_in = 12, .n_out = 8, .size_in = 8, .size_out = 16, .activated = true}, 1, true},
    {{LAYER_SUBPIXEL, .kernel = 3, .n_in = 12, .n_out = 8, .size_in = 8, .size_out = 16, .activated = true}, 1, true},
    {{LAYER_GROUP_NORM, .n_in = 8, .n_out = 8, .size_in = 8, .size_out = 8, .groups = 2}, 1, false},
    {{LAYER_LINEAR, .n_in = 8, .n_out = 96, .size_in = 4, .size_out = 1}, 1. / 3, false},
    {{LAYER_LINEAR, .n_in = 96, .n_out = 8, .size_in = 1, .size_out = 4, .activated = true}, 1, false},
    {{LAYER_LINEAR, .n_in = 96, .n_out = 64, .size_in = 1, .size_out = 1}, 1. / 3, false},
};
/* clang-format on */
enum { CASES = sizeof cases / sizeof *cases };

/* x: without any pattern, of mean square 1. */
static struct shim_tensor *numbers(struct shim_scope *s, unsigned seed, size_t n_dims,
                                   const int64_t *dims)
{
    static double values[VALUES_MAX];
    size_t count = 1;
    for (size_t i = 0; i < n_dims; i++)
        count *= (size_t)dims[i];
    assert_in_range(count, 1, VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = sqrt(3.0) * ((double)(seed >> 8) / (1 << 23) - 1.0);
    }
    return shim_from_memory(s, SHIM_F64, values, n_dims, dims);
}

/* What goes into a layer or comes out of it: (n, C, size, size), or (n, C). */
static size_t shape(int channels, int size, int64_t dims[4])
{
    dims[0] = SAMPLES;
    dims[1] = channels;
    dims[2] = dims[3] = size;
    return size == 1 ? 2 : 4;
}

static struct shim_tensor *input(struct shim_scope *s, const struct architecture_layer *l)
{
    int64_t dims[4];
    size_t n_dims = shape(l->n_in, l->size_in, dims);
    return numbers(s, 1, n_dims, dims);
}

static size_t read_all(struct shim_scope *s, const struct shim_tensor *t, double *out)
{
    int64_t dims[SHIM_DIMS_MAX];
    size_t n_dims = shim_dims(t, dims), count = 1;
    for (size_t i = 0; i < n_dims; i++)
        count *= (size_t)dims[i];
    assert_in_range(count, 1, VALUES_MAX);
    shim_to_memory(s, t, SHIM_F64, out, count);
    assert_ok(shim_scope_check(s, &em));
    return count;
}

static size_t n_not_zero(struct shim_scope *s, const struct shim_tensor *t)
{
    static double values[VALUES_MAX];
    size_t count = read_all(s, t, values), n = 0;
    for (size_t i = 0; i < count; i++)
        n += values[i] != 0;
    return n;
}

/* 1 at a number amid the first sample's output, where no kernel reaches beyond an edge. */
static struct shim_tensor *one_inside(struct shim_scope *s, const struct architecture_layer *l)
{
    static double values[VALUES_MAX];
    int64_t dims[4];
    size_t n_dims = shape(l->n_out, l->size_out, dims), mid = (size_t)l->size_out / 2;
    memset(values, 0, sizeof values);
    values[mid * (size_t)l->size_out + mid] = 1;
    return shim_from_memory(s, SHIM_F64, values, n_dims, dims);
}

static void every_kind_has_a_word_and_a_case(void **state)
{
    (void)state;
    for (int kind = 0; kind < LAYER_KINDS; kind++) {
        int n = 0;
        for (int i = 0; i < CASES; i++)
            n += (int)cases[i].layer.kind == kind;
        if (n == 0)
            fail_msg("%s has no case", layer_kind_word((enum layer_kind)kind));
        for (int other = 0; other < kind; other++)
            assert_string_not_equal(layer_kind_word((enum layer_kind)kind),
                                    layer_kind_word((enum layer_kind)other));
    }
}

static void facts_are_those_of_what_is_computed(void **state)
{
    (void)state;
    struct shim_scope *s = NULL;
    assert_ok(shim_scope_new("cpu", SHIM_F64, &s, &em));
    for (int i = 0; i < CASES; i++) {
        const struct architecture_layer *l = &cases[i].layer;
        struct layer_facts f = layer_facts(l);
        int64_t wanted[4], dims[SHIM_DIMS_MAX];
        struct shim_tensor *w = shim_leaf(s, numbers(s, 2, (size_t)f.n_dims, f.dims));
        struct shim_tensor *b = shim_leaf(s, numbers(s, 3, 1, &f.n_bias));
        struct shim_tensor *y = layer_apply(s, l, w, b, input(s, l));
        assert_ok(shim_scope_check(s, &em));
        assert_int_equal(shim_dims(y, dims), shape(l->n_out, l->size_out, wanted));
        assert_memory_equal(dims, wanted, (l->size_out == 1 ? 2 : 4) * sizeof *dims);

        struct shim_tensor *all = shim_sum(s, shim_mul(s, y, y));
        size_t n_weights = n_not_zero(s, shim_gradient(s, all, w, true));
        size_t n_biases = n_not_zero(s, shim_gradient(s, all, b, true));
        assert_int_equal(n_biases, f.n_bias);
        assert_int_equal(n_weights + n_biases, layer_parameters(l));

        struct shim_tensor *one = shim_sum(s, shim_mul(s, y, one_inside(s, l)));
        double n_outputs = (double)l->n_out * l->size_out * l->size_out;
        double fan_in = (double)n_not_zero(s, shim_gradient(s, one, w, false));
        assert_near(layer_activations(l), n_outputs, 0);
        assert_near(layer_macs(l), fan_in * n_outputs, 0);
        shim_scope_reset(s);
    }
    shim_scope_free(s);
}

static void activation_is_leaky_relu_behind_the_layer(void **state)
{
    (void)state;
    static double activated[VALUES_MAX], plain[VALUES_MAX];
    struct shim_scope *s = NULL;
    assert_ok(shim_scope_new("cpu", SHIM_F64, &s, &em));
    for (int i = 0; i < CASES; i++) {
        struct architecture_layer l = cases[i].layer;
        struct layer_facts f = layer_facts(&l);
        struct shim_tensor *w = numbers(s, 2, (size_t)f.n_dims, f.dims);
        struct shim_tensor *b = numbers(s, 3, 1, &f.n_bias);
        l.activated = true;
        size_t n = read_all(s, layer_apply(s, &l, w, b, input(s, &l)), activated);
        l.activated = false;
        read_all(s, layer_apply(s, &l, w, b, input(s, &l)), plain);
        for (size_t k = 0; k < n; k++)
            assert_near(activated[k], plain[k] > 0 ? plain[k] : 0.2 * plain[k], 1e-12);
        shim_scope_reset(s);
    }
    shim_scope_free(s);
}

/* ---- Start ----------------------------------------------------------------------------------- */

/* An architecture of one layer. */
static struct architecture only(const struct architecture_layer *l, struct model_tensor tensors[2])
{
    struct layer_facts f = layer_facts(l);
    tensors[0] = (struct model_tensor){"encoder.r8.weight", f.n_dims, .count = 1};
    for (int i = 0; i < f.n_dims; i++) {
        tensors[0].dims[i] = f.dims[i];
        tensors[0].count *= (size_t)f.dims[i];
    }
    tensors[1] =
        (struct model_tensor){"encoder.r8.bias", 1, {f.n_bias}, tensors[0].count, (size_t)f.n_bias};
    return (struct architecture){.layers = l,
                                 .tensors = tensors,
                                 .n_layers = 1,
                                 .n_tensors = 2,
                                 .count = tensors[0].count + tensors[1].count};
}

static struct shim_tensor *parameter(struct shim_group *g, const struct model_tensor *t)
{
    struct shim_tensor *out = NULL;
    assert_ok(shim_group_parameter(g, t->offset, (size_t)t->n_dims, t->dims, &out, &em));
    return out;
}

static void layers_start_so_that_numbers_keep_their_scale(void **state)
{
    (void)state;
    static double y[VALUES_MAX];
    struct shim_scope *s = NULL;
    assert_ok(shim_scope_new("cpu", SHIM_F64, &s, &em));
    for (int i = 0; i < CASES; i++) {
        const struct architecture_layer *l = &cases[i].layer;
        struct model_tensor tensors[2];
        struct architecture a = only(l, tensors);
        struct shim_group *group = NULL;
        assert_ok(shim_group_new("cpu", SHIM_F64, a.count, NULL, &group, &em));
        assert_ok(init_parameters(&a, group, sizeof(double), MODEL_INIT_HE, 7, &em));
        shim_no_grad(s, true);
        size_t n = read_all(s,
                            layer_apply(s, l, parameter(group, &tensors[0]),
                                        parameter(group, &tensors[1]), input(s, l)),
                            y);
        double sum = 0;
        size_t n_inside = 0;
        for (size_t k = 0; k < n; k++) {
            size_t size = (size_t)l->size_out, row = k / size % size, column = k % size;
            if (size > 4 && (row == 0 || column == 0 || row == size - 1 || column == size - 1))
                continue;
            sum += y[k] * y[k];
            n_inside++;
        }
        double got = sum / (double)n_inside;
        if (fabs(got / cases[i].mean_square - 1) > 0.25)
            fail_msg("%s: mean square %g, wanted %g", layer_kind_word(l->kind), got,
                     cases[i].mean_square);
        shim_scope_reset(s);
        shim_group_free(group);
    }
    shim_scope_free(s);
}

/* ---- Growth ---------------------------------------------------------------------------------- */

/* The kernel from channel in to row `row` of channel out. */
static void set_kernel(double *w, const struct architecture_layer *l,
                       const struct layer_resampling *r, int out, int row, int in)
{
    int index = r->transposed ? in * l->n_out + out : (out * r->n_rows + row) * l->n_in + in;
    for (int y = 0; y < r->kernel; y++)
        for (int x = 0; x < r->kernel; x++)
            w[(index * r->kernel + y) * r->kernel + x] =
                (double)r->down[row][y] * (double)r->across[row][x];
}

static double ramp(double y, double x)
{
    return 3 * y + 5 * x + 1;
}

/* Channel 1 in becomes channel 2 out: a ramp stays one at the other resolution. */
static void check_resampling(struct shim_scope *s, const struct architecture_layer *l,
                             const struct layer_resampling *r)
{
    static double w[VALUES_MAX], x[VALUES_MAX], y[VALUES_MAX];
    struct layer_facts f = layer_facts(l);
    int in = l->size_in, out = l->size_out;
    memset(w, 0, sizeof w);
    memset(x, 0, sizeof x);
    for (int row = 0; row < r->n_rows; row++)
        set_kernel(w, l, r, 2, row, 1);
    for (int i = 0; i < in * in; i++)
        x[in * in + i] = ramp(i / in, i % in);
    struct shim_tensor *result =
        layer_apply(s, l, shim_from_memory(s, SHIM_F64, w, (size_t)f.n_dims, f.dims),
                    shim_full(s, 0.0, 1, &f.n_bias),
                    shim_from_memory(s, SHIM_F64, x, 4, (int64_t[]){1, l->n_in, in, in}));
    read_all(s, result, y);
    double scale = (double)in / out;
    for (int row = 1; row < out - 1; row++)
        for (int column = 1; column < out - 1; column++)
            assert_near(y[(2 * out + row) * out + column],
                        ramp((row + 0.5) * scale - 0.5, (column + 0.5) * scale - 0.5), 1e-9);
}

static void resampling_layers_only_resample(void **state)
{
    (void)state;
    struct shim_scope *s = NULL;
    assert_ok(shim_scope_new("cpu", SHIM_F64, &s, &em));
    for (int i = 0; i < CASES; i++) {
        const struct architecture_layer *l = &cases[i].layer;
        const struct layer_resampling *r = layer_resampling(l);
        assert_int_equal(r != NULL, cases[i].resamples);
        if (r)
            check_resampling(s, l, r);
        shim_scope_reset(s);
    }
    shim_scope_free(s);
}

static enum status read_nothing(void *ctx, size_t i, float *out, struct errmsg *e)
{
    (void)ctx, (void)i, (void)out, (void)e;
    return ST_OK;
}

/* And nothing is taken for another kind. */
static void a_network_does_not_grow_by_a_layer_that_cannot(void **state)
{
    (void)state;
    struct architecture *small = NULL, *large = NULL;
    struct shim_group *group = NULL;
    assert_ok(architecture_new(&(struct model_config){.image_size = 64}, &small, &em));
    assert_ok(architecture_new(&(struct model_config){.image_size = 128}, &large, &em));
    assert_ok(shim_group_new("cpu", SHIM_F32, large->count, NULL, &group, &em));
    size_t bytes = large->n_layers * sizeof *large->layers;
    struct architecture_layer *layers = malloc(bytes);
    assert_non_null(layers);
    memcpy(layers, large->layers, bytes);
    layers[0].kind = LAYER_GROUP_NORM;
    struct architecture other = *large;
    other.layers = layers;
    struct grow_source from = {.architecture = small, .read = read_nothing};
    assert_ok(grow(&from, large, group, &em));
    assert_status(grow(&from, &other, group, &em), ST_DATA);
    assert_text_has(em.text, "\"encoder.r128.weight\" is a group normalization");
    free(layers);
    shim_group_free(group);
    architecture_free(small);
    architecture_free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_word_and_a_case),
        cmocka_unit_test(facts_are_those_of_what_is_computed),
        cmocka_unit_test(activation_is_leaky_relu_behind_the_layer),
        cmocka_unit_test(layers_start_so_that_numbers_keep_their_scale),
        cmocka_unit_test(resampling_layers_only_resample),
        cmocka_unit_test(a_network_does_not_grow_by_a_layer_that_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
