/* Pieces that are computed again in backward: the same numbers, nothing kept on the way. */
#include "shim/shim.h"

#include <string.h>

#include "testing.h"

enum { SIDE = 6, CHANNELS = 3, WEIGHTS = CHANNELS * CHANNELS * 9, COUNT = 2 * WEIGHTS };

static struct errmsg em;
static struct shim_scope *s;
static struct shim_group *g;
static struct shim_tensor *weights[2];
static float parameters[COUNT];
static int calls, ready_calls;

static int open_group(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    calls = ready_calls = 0;
    for (int i = 0; i < COUNT; i++)
        parameters[i] = (float)((i * 37) % 23 - 11) / 50.0f;
    const int64_t dims[] = {CHANNELS, CHANNELS, 3, 3};
    return shim_scope_new("cpu", SHIM_F32, &s, &em) ||
           shim_group_new("cpu", SHIM_F32, COUNT, NULL, &g, &em) ||
           shim_group_write(g, SHIM_PARAMETERS, 0, parameters, COUNT, &em) ||
           shim_group_parameter(g, 0, 4, dims, &weights[0], &em) ||
           shim_group_parameter(g, WEIGHTS, 4, dims, &weights[1], &em);
}

static int close_group(void **state)
{
    (void)state;
    shim_scope_free(s);
    shim_group_free(g);
    return 0;
}

/* ctx: which weight. */
static struct shim_tensor *piece(struct shim_scope *scope, const void *ctx, struct shim_tensor *x)
{
    const int *which = ctx;
    calls++;
    x = shim_conv2d(scope, x, weights[*which], NULL, 1, 1);
    return shim_leaky_relu(scope, shim_mul(scope, x, x), 0.2);
}

static struct shim_tensor *picture(void)
{
    float pixels[CHANNELS * SIDE * SIDE];
    for (int i = 0; i < CHANNELS * SIDE * SIDE; i++)
        pixels[i] = (float)((i * 53) % 31) / 31.0f - 0.4f;
    return shim_from_memory(s, SHIM_F32, pixels, 4, (int64_t[]){1, CHANNELS, SIDE, SIDE});
}

static const int first = 0, second = 1;

/* Two pieces, one behind the other, and the gradient of all weights. */
static void run(bool again, bool autocast, float gradients[COUNT])
{
    assert_ok(shim_group_zero_gradients(g, &em));
    shim_autocast(s, autocast);
    struct shim_tensor *x = picture();
    x = again ? shim_recompute(s, piece, &first, x) : piece(s, &first, x);
    x = again ? shim_recompute(s, piece, &second, x) : piece(s, &second, x);
    shim_autocast(s, false);
    shim_backward(s, shim_sum(s, shim_to_dtype(s, x, SHIM_F32)), false);
    assert_ok(shim_scope_check(s, &em));
    shim_scope_reset(s);
    assert_ok(shim_group_read(g, SHIM_GRADIENTS, 0, gradients, COUNT, &em));
}

static void gradients_are_the_same_bits(void **state)
{
    (void)state;
    for (int autocast = 0; autocast < 2; autocast++) {
        float plain[COUNT], again[COUNT];
        calls = 0;
        run(false, autocast, plain);
        assert_int_equal(calls, 2);
        run(true, autocast, again);
        assert_int_equal(calls, 2 + 4);
        assert_memory_equal(plain, again, sizeof plain);
        assert_true(plain[0] != 0 && plain[WEIGHTS] != 0);
    }
}

static void count_ready(void *ctx, size_t offset, size_t count)
{
    (void)ctx;
    assert_int_equal(count, WEIGHTS);
    /* the later piece's gradient is final first */
    assert_int_equal(offset, ready_calls == 0 ? WEIGHTS : 0);
    ready_calls++;
}

static void each_parameter_is_ready_once(void **state)
{
    (void)state;
    float gradients[COUNT];
    shim_group_on_ready(g, count_ready, NULL);
    run(true, false, gradients);
    assert_int_equal(ready_calls, 2);
}

static void without_gradients_it_runs_once(void **state)
{
    (void)state;
    shim_no_grad(s, true);
    struct shim_tensor *x = shim_recompute(s, piece, &first, picture());
    assert_non_null(x);
    assert_int_equal(calls, 1);
    assert_ok(shim_scope_check(s, &em));
}

/* Fails when it is called for the second time: in backward. */
static struct shim_tensor *failing(struct shim_scope *scope, const void *ctx, struct shim_tensor *x)
{
    if (calls == 1)
        x = shim_reshape(scope, x, 1, (int64_t[]){7});
    return piece(scope, ctx, x);
}

static void errors_of_the_second_time_are_backwards(void **state)
{
    (void)state;
    struct shim_tensor *x = shim_recompute(s, failing, &first, picture());
    assert_ok(shim_scope_check(s, &em));
    shim_backward(s, shim_sum(s, x), false);
    assert_status(shim_scope_check(s, &em), ST_TORCH);
    assert_text_has(em.text, "shape");
}

static void errors_of_the_first_time_are_its_own(void **state)
{
    (void)state;
    calls = 1;
    assert_null(shim_recompute(s, failing, &first, picture()));
    assert_status(shim_scope_check(s, &em), ST_TORCH);
    assert_text_has(em.text, "shape");
}

static void second_derivatives_are_refused(void **state)
{
    (void)state;
    struct shim_tensor *leaf = shim_leaf(s, picture());
    struct shim_tensor *y = shim_sum(s, shim_recompute(s, piece, &first, leaf));
    assert_null(shim_gradient(s, y, leaf, true));
    assert_status(shim_scope_check(s, &em), ST_TORCH);
    assert_text_has(em.text, "first derivatives only");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_group, close_group)
        TEST(gradients_are_the_same_bits),          TEST(each_parameter_is_ready_once),
        TEST(without_gradients_it_runs_once),       TEST(errors_of_the_second_time_are_backwards),
        TEST(errors_of_the_first_time_are_its_own), TEST(second_derivatives_are_refused),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
