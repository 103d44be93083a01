/* Gradients, flat parameter groups, and Adam. */
#include "shim/shim.h"

#include <math.h>

#include "testing.h"

enum { COUNT = 4 + 2 + 3, W1 = 0, W2 = 4, UNUSED = 6 };

static struct errmsg em;
static struct shim_scope *s;
static struct shim_group *g;
static double parameters[COUNT], gradients[COUNT], exp_avg[COUNT], exp_avg_sq[COUNT];
static struct shim_tensor *w1, *w2, *unused;

/* Memory of the caller's, three parameters, in fp64. */
static int open_group(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    for (int i = 0; i < COUNT; i++) {
        parameters[i] = 0.1 * (i + 1);
        gradients[i] = exp_avg[i] = exp_avg_sq[i] = 0;
    }
    void *memory[SHIM_FLATS] = {parameters, gradients, exp_avg, exp_avg_sq};
    return shim_scope_new("cpu", SHIM_F64, &s, &em) ||
           shim_group_new("cpu", SHIM_F64, COUNT, memory, &g, &em) ||
           shim_group_parameter(g, W1, 2, (int64_t[]){2, 2}, &w1, &em) ||
           shim_group_parameter(g, W2, 1, (int64_t[]){2}, &w2, &em) ||
           shim_group_parameter(g, UNUSED, 1, (int64_t[]){3}, &unused, &em);
}

static int close_group(void **state)
{
    (void)state;
    shim_scope_free(s);
    shim_group_free(g);
    return 0;
}

/* sum(w1 * w1) * w2[0] + w2[1], written so that w2 is reached twice. */
static struct shim_tensor *loss(void)
{
    struct shim_tensor *a = shim_sum(s, shim_mul(s, w1, w1));
    struct shim_tensor *first = shim_sum(s, shim_narrow(s, w2, 0, 0, 1));
    struct shim_tensor *second = shim_sum(s, shim_narrow(s, w2, 0, 1, 1));
    return shim_add(s, shim_mul(s, a, first), second);
}

static void backward_adds_to_the_callers_memory(void **state)
{
    (void)state;
    for (int pass = 1; pass <= 3; pass++) {
        shim_backward(s, loss(), false);
        assert_ok(shim_scope_check(s, &em));
        shim_scope_reset(s);
        double sum = 0;
        for (int i = 0; i < 4; i++) {
            sum += parameters[i] * parameters[i];
            assert_near(gradients[W1 + i], pass * 2 * parameters[i] * parameters[W2], 1e-12);
        }
        assert_near(gradients[W2], pass * sum, 1e-12);
        assert_near(gradients[W2 + 1], pass, 1e-12);
    }
    assert_ok(shim_group_zero_gradients(g, &em));
    for (int i = 0; i < COUNT; i++)
        assert_true(gradients[i] == 0);
    shim_backward(s, loss(), false); /* still the same memory */
    assert_ok(shim_scope_check(s, &em));
    assert_near(gradients[W2 + 1], 1, 1e-12);
    assert_ptr_equal(shim_group_memory(g, SHIM_GRADIENTS), gradients);
}

struct calls {
    int n[COUNT], total;
    double seen[COUNT]; /* the gradient's first element, as the hook saw it */
    size_t count[COUNT];
};

static void note(void *ctx, size_t offset, size_t count)
{
    struct calls *c = ctx;
    c->n[offset]++;
    c->total++;
    c->seen[offset] = gradients[offset];
    c->count[offset] = count;
}

static void hooks_fire_once_with_final_gradients(void **state)
{
    (void)state;
    struct calls c = {0};
    shim_group_on_ready(g, note, &c);
    shim_backward(s, loss(), false);
    assert_ok(shim_scope_check(s, &em));
    assert_int_equal(c.total, 2); /* `unused` is not reached */
    assert_int_equal(c.n[W1], 1);
    assert_int_equal(c.n[W2], 1); /* although reached twice */
    assert_int_equal(c.count[W1], 4);
    assert_true(c.seen[W1] == gradients[W1] && c.seen[W2] == gradients[W2]);
    shim_group_on_ready(g, NULL, NULL);
    shim_backward(s, loss(), false);
    assert_int_equal(c.total, 2);
}

static void no_grad_records_nothing(void **state)
{
    (void)state;
    shim_no_grad(s, true);
    struct shim_tensor *l = loss();
    shim_no_grad(s, false);
    shim_backward(s, l, false);
    assert_status(shim_scope_check(s, &em), ST_TORCH);
    assert_true(gradients[W2 + 1] == 0);
}

/* d/dw of |dL/dx|² needs the gradient of a gradient: L = w x³ / 1, dL/dx = 3 w x². */
static void double_backward(void **state)
{
    (void)state;
    struct shim_tensor *x = shim_leaf(s, shim_full(s, 2, 1, (int64_t[]){1}));
    struct shim_tensor *w = shim_narrow(s, w2, 0, 0, 1);
    struct shim_tensor *l = shim_sum(s, shim_mul(s, w, shim_mul(s, x, shim_mul(s, x, x))));
    struct shim_tensor *dx = shim_gradient(s, l, x, true);
    assert_true(gradients[W2] == 0);
    shim_backward(s, shim_sum(s, shim_mul(s, dx, dx)), false);
    assert_ok(shim_scope_check(s, &em));
    double inner = 3 * parameters[W2] * 4; /* 3 w x² */
    assert_near(gradients[W2], 2 * inner * 3 * 4, 1e-9);
}

static void adam_follows_its_paper(void **state)
{
    (void)state;
    double p = parameters[3], m = 0, v = 0;
    for (int step = 1; step <= 5; step++) {
        double grad = gradients[3] = sin(step);
        struct shim_adam adam = {
            .lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .step = step};
        assert_ok(shim_group_adam(g, 0, COUNT, &adam, &em));
        m = 0.9 * m + 0.1 * grad;
        v = 0.999 * v + 0.001 * grad * grad;
        p -= 0.01 * (m / (1 - pow(0.9, step))) / (sqrt(v / (1 - pow(0.999, step))) + 1e-8);
        assert_near(parameters[3], p, 1e-7); /* the bias correction is taken in fp32 */
    }
    assert_near(exp_avg[3], m, 1e-12);
    struct shim_adam zero = {.lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    assert_status(shim_group_adam(g, 0, COUNT, &zero, &em), ST_TORCH);
}

/* Rounding must not depend on how a step is cut, anywhere: a sharded update equals the whole one.
 */
static void sgd_needs_no_moments(void **state)
{
    (void)state;
    double p = parameters[3], e = p;
    assert_ok(shim_group_keep_average(g, &em));
    for (int step = 1; step <= 3; step++) {
        gradients[3] = sin(step);
        assert_ok(shim_group_sgd(g, 2, 3, 0.25, 0.9, &em));
        p -= 0.25 * sin(step);
        e += (1 - 0.9) * (p - e);
        assert_near(parameters[3], p, 1e-15);
    }
    double average[COUNT];
    assert_ok(shim_group_read(g, SHIM_EMA, 0, average, COUNT, &em));
    assert_near(average[3], e, 1e-15);
    assert_true(exp_avg[3] == 0 && exp_avg_sq[3] == 0);
    assert_status(shim_group_sgd(g, COUNT, 1, 0.25, 0, &em), ST_TORCH);
}

static void adam_in_ranges_equals_adam_at_once(void **state)
{
    (void)state;
    enum { N = 20011 };
    static float values[N], out[2][N];
    struct shim_group *groups[2];
    for (int i = 0; i < N; i++)
        values[i] = sinf((float)i);
    for (int k = 0; k < 2; k++) {
        assert_ok(shim_group_new("cpu", SHIM_F32, N, NULL, &groups[k], &em));
        assert_ok(shim_group_write(groups[k], SHIM_PARAMETERS, 0, values, N, &em));
        assert_ok(shim_group_keep_average(groups[k], &em));
    }
    for (int step = 1; step <= 4; step++) {
        struct shim_adam adam = {.lr = 1e-3,
                                 .beta1 = 0.9,
                                 .beta2 = 0.999,
                                 .eps = 1e-8,
                                 .weight_decay = 0.1,
                                 .gradient_scale = 0.7,
                                 .ema = 0.9,
                                 .step = step};
        for (int i = 0; i < N; i++)
            values[i] = sinf((float)(i * step)) * expf((float)(i % 37 - 30));
        for (int k = 0; k < 2; k++)
            assert_ok(shim_group_write(groups[k], SHIM_GRADIENTS, 0, values, N, &em));
        assert_ok(shim_group_adam(groups[0], 0, N, &adam, &em));
        size_t cut = 1;
        for (size_t at = 0, n; at < N; at += n, cut = cut * 7 % 331) {
            n = cut < N - at ? cut : N - at;
            assert_ok(shim_group_adam(groups[1], at, n, &adam, &em));
        }
    }
    static const enum shim_flat written[] = {SHIM_PARAMETERS, SHIM_EXP_AVG, SHIM_EXP_AVG_SQ,
                                             SHIM_EMA};
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        for (int k = 0; k < 2; k++)
            assert_ok(shim_group_read(groups[k], written[i], 0, out[k], N, &em));
        assert_true(out[0][1] != 0);
        assert_memory_equal(out[0], out[1], sizeof out[0]);
    }
    for (int k = 0; k < 2; k++)
        shim_group_free(groups[k]);
}

/* A chunk's sum has the same bits whatever range it is part of, and where it comes from. */
static void squares_of_chunks_do_not_depend_on_the_range(void **state)
{
    (void)state;
    enum { N = 7 * SHIM_CHUNK + 13, CHUNKS = 8 };
    static float values[N];
    double whole[CHUNKS], part[CHUNKS], sum = 0;
    struct shim_group *one;
    for (int i = 0; i < N; i++) {
        values[i] = sinf((float)i) * expf((float)(i % 37 - 30));
        sum += (double)values[i] * (double)values[i];
    }
    assert_ok(shim_group_new("cpu", SHIM_F32, N, NULL, &one, &em));
    assert_ok(shim_group_write(one, SHIM_GRADIENTS, 0, values, N, &em));
    assert_ok(shim_group_squares(one, SHIM_GRADIENTS, 0, N, whole, &em));
    for (int i = 0; i < CHUNKS; i++) {
        size_t first = (size_t)i * SHIM_CHUNK, n = i == 7 ? 13 : SHIM_CHUNK;
        assert_ok(shim_group_squares(one, SHIM_GRADIENTS, first, n, &part[i], &em));
        assert_memory_equal(&part[i], &whole[i], sizeof *part);
        assert_ok(shim_group_squares_of(one, values + first, n, &part[i], &em));
        assert_memory_equal(&part[i], &whole[i], sizeof *part);
        sum -= whole[i];
    }
    assert_near(sum, 0, 1e-6); /* of millions */
    values[3 * SHIM_CHUNK + 9] = NAN;
    values[N - 1] = INFINITY;
    assert_ok(shim_group_squares_of(one, values, N, part, &em));
    for (int i = 0; i < CHUNKS; i++)
        assert_true(isfinite(part[i]) == (i != 3 && i != 7));
    assert_status(shim_group_squares(one, SHIM_GRADIENTS, 1, 5, part, &em), ST_TORCH);
    em = (struct errmsg){0};
    shim_group_free(one);
}

static void arrays_change_places(void **state)
{
    (void)state;
    double before[2][COUNT];
    for (size_t i = 0; i < COUNT; i++)
        gradients[i] = 7 * (double)i + 1;
    memcpy(before[0], parameters, sizeof before[0]);
    memcpy(before[1], gradients, sizeof before[1]);
    assert_ok(shim_group_exchange(g, SHIM_PARAMETERS, SHIM_GRADIENTS, &em));
    assert_memory_equal(parameters, before[1], sizeof before[1]);
    assert_memory_equal(gradients, before[0], sizeof before[0]);
    assert_status(shim_group_copy(g, SHIM_EMA, SHIM_GRADIENTS, 0, COUNT, &em), ST_TORCH);
    em = (struct errmsg){0};
}

static void ranges_are_checked(void **state)
{
    (void)state;
    struct shim_tensor *t = NULL;
    double out[2];
    int64_t n = -1;
    assert_status(shim_group_parameter(g, COUNT - 1, 1, (int64_t[]){2}, &t, &em), ST_TORCH);
    assert_null(t);
    assert_status(shim_group_read(g, SHIM_PARAMETERS, SIZE_MAX, out, 2, &em), ST_TORCH);
    em = (struct errmsg){0};
    assert_ok(shim_group_nonfinite(g, SHIM_GRADIENTS, 0, COUNT, &n, &em));
    assert_int_equal(n, 0);
    gradients[1] = NAN;
    gradients[8] = INFINITY;
    assert_ok(shim_group_nonfinite(g, SHIM_GRADIENTS, 0, COUNT, &n, &em));
    assert_int_equal(n, 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_group, close_group)
    const struct CMUnitTest tests[] = {
        T(backward_adds_to_the_callers_memory),
        T(hooks_fire_once_with_final_gradients),
        T(no_grad_records_nothing),
        T(double_backward),
        T(adam_follows_its_paper),
        T(sgd_needs_no_moments),
        T(adam_in_ranges_equals_adam_at_once),
        T(squares_of_chunks_do_not_depend_on_the_range),
        T(arrays_change_places),
        T(ranges_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
