/* Scopes, operations, and what happens when they fail. */
#include "shim/upload.h"

#include <math.h>

#include "testing.h"

static struct errmsg em;
static struct shim_scope *s;

static int open_scope(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    return shim_scope_new("cpu", SHIM_F32, &s, &em);
}

static int close_scope(void **state)
{
    (void)state;
    shim_scope_free(s);
    return 0;
}

#define DIMS(...)                                                     \
    (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) \
    {                                                                 \
        __VA_ARGS__                                                   \
    }

static struct shim_tensor *tensor(const float *values, size_t n_dims, const int64_t *dims)
{
    return shim_from_memory(s, SHIM_F32, values, n_dims, dims);
}

static double item(struct shim_tensor *t)
{
    double x = NAN;
    shim_to_memory(s, t, SHIM_F64, &x, 1);
    return x;
}

static void data_goes_in_and_out(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 1, 2, 253, 254, 255};
    uint8_t back[6] = {0};
    struct shim_tensor *t = shim_from_memory(s, SHIM_U8, bytes, DIMS(2, 3));
    t = shim_permute(s, t, DIMS(1, 0));
    int64_t dims[SHIM_DIMS_MAX];
    assert_int_equal(shim_dims(t, dims), 2);
    assert_int_equal(dims[0], 3);
    shim_to_memory(s, t, SHIM_U8, back, 6);
    assert_ok(shim_scope_check(s, &em));
    assert_memory_equal(back, ((uint8_t[]){0, 253, 1, 254, 2, 255}), 6); /* row-major of (3, 2) */
}

static void several_arrays_go_in_at_once(void **state)
{
    (void)state;
    uint8_t bytes[] = {0, 255, 7};
    double numbers[] = {0.5, -2.0};
    const struct shim_array arrays[] = {
        {SHIM_U8,  bytes,   2, {1, 3}},
        {SHIM_F64, numbers, 1, {2}   },
    };
    struct shim_tensor *t[2];
    float back[3];
    shim_from_arrays(s, arrays, 2, t);
    memset(bytes, 0, sizeof bytes); /* what was handed over was taken */
    memset(numbers, 0, sizeof numbers);
    shim_to_memory(s, t[0], SHIM_F32, back, 3);
    assert_memory_equal(back, ((float[]){0, 255, 7}), sizeof back);
    shim_to_memory(s, t[1], SHIM_F32, back, 2);
    assert_memory_equal(back, ((float[]){0.5f, -2.0f}), 2 * sizeof *back);
    assert_ok(shim_scope_check(s, &em));
    shim_from_arrays(s, &(struct shim_array){SHIM_U8, bytes, 1, {-1}}, 1, t);
    assert_null(t[0]);
    assert_status(shim_scope_check(s, &em), ST_TORCH);
    assert_text_has(em.text, "a negative dimension");
}

static void operations_do_what_they_say(void **state)
{
    (void)state;
    const float a[] = {1, -4, 9}, b[] = {2, 2, 0.5f};
    struct shim_tensor *x = tensor(a, DIMS(3)), *y = tensor(b, DIMS(3));
    assert_near(item(shim_sum(s, shim_mul(s, x, y))), 2 - 8 + 4.5, 1e-6);
    assert_near(item(shim_sum(s, shim_div(s, x, y))), 0.5 - 2 + 18, 1e-6);
    assert_near(item(shim_sum(s, shim_abs(s, shim_sub(s, x, y)))), 1 + 6 + 8.5, 1e-5);
    assert_near(item(shim_sum(s, shim_affine(s, x, 2, 1))), 15, 1e-6);
    assert_near(item(shim_sum(s, shim_clamp(s, x, 0, 5))), 6, 1e-6);
    assert_near(item(shim_sum(s, shim_leaky_relu(s, x, 0.5))), 8, 1e-6);
    assert_near(item(shim_sum(s, shim_round(s, y))), 4, 1e-6); /* half to even */
    const float mask[] = {1, 0, 1};
    assert_near(item(shim_sum(s, shim_where(s, tensor(mask, DIMS(3)), x, y))), 12, 1e-6);
    struct shim_tensor *both = shim_cat(s, (struct shim_tensor *[]){x, y}, 2, 0);
    assert_near(item(shim_sum(s, shim_narrow(s, both, 0, 2, 2))), 11, 1e-6);
    assert_ok(shim_scope_check(s, &em));
}

/* A transposed convolution is the gradient of the convolution: <conv(x), y> = <x, convT(y)>. */
static void convolutions_are_adjoint(void **state)
{
    (void)state;
    float x[2 * 3 * 8 * 8], w[5 * 3 * 4 * 4], y[2 * 5 * 4 * 4];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = sinf((float)i);
    for (size_t i = 0; i < sizeof w / sizeof *w; i++)
        w[i] = cosf(2 * (float)i);
    for (size_t i = 0; i < sizeof y / sizeof *y; i++)
        y[i] = sinf(3 * (float)i);
    struct shim_tensor *tx = tensor(x, DIMS(2, 3, 8, 8)), *tw = tensor(w, DIMS(5, 3, 4, 4)),
                       *ty = tensor(y, DIMS(2, 5, 4, 4));
    double left = item(shim_sum(s, shim_mul(s, shim_conv2d(s, tx, tw, NULL, 2, 1), ty)));
    double right = item(shim_sum(s, shim_mul(s, shim_conv_transpose2d(s, ty, tw, NULL, 2, 1), tx)));
    assert_ok(shim_scope_check(s, &em));
    assert_true(fabs(left) > 1);
    assert_near(left, right, 1e-3);
}

static void resampling_by_the_identity_changes_nothing(void **state)
{
    (void)state;
    float x[16];
    for (int i = 0; i < 16; i++)
        x[i] = (float)(i * i);
    struct shim_tensor *t = tensor(x, DIMS(1, 1, 4, 4));
    struct shim_tensor *theta = tensor((float[]){1, 0, 0, 0, 1, 0}, DIMS(1, 2, 3));
    struct shim_tensor *y = shim_grid_sample(s, t, shim_affine_grid(s, theta, 4, 4));
    assert_near(item(shim_sum(s, shim_abs(s, shim_sub(s, t, y)))), 0, 1e-3);
    y = shim_interpolate(s, t, 4, 4, SHIM_BICUBIC, true);
    assert_near(item(shim_sum(s, shim_abs(s, shim_sub(s, t, y)))), 0, 1e-3);
    assert_ok(shim_scope_check(s, &em));
}

static void a_bad_shape_is_an_error_with_a_text(void **state)
{
    (void)state;
    const float a[6] = {0};
    struct shim_tensor *bad = shim_add(s, tensor(a, DIMS(2)), tensor(a, DIMS(3)));
    assert_null(bad);
    struct shim_tensor *later = shim_sigmoid(s, bad); /* NULL in, NULL out */
    assert_null(later);
    assert_null(shim_full(s, 1, DIMS(2))); /* nothing more happens */
    assert_status(shim_scope_check(s, &em), ST_TORCH);
    assert_string_equal(em.where, "shim_add"); /* the first one, not the last */
    assert_text_has(em.text, "size");
    assert_null(strstr(em.text, "frame #"));

    shim_scope_reset(s);
    em = (struct errmsg){0};
    assert_non_null(shim_full(s, 1, DIMS(2)));
    assert_ok(shim_scope_check(s, &em));
}

static void a_missing_tensor_is_an_error(void **state)
{
    (void)state;
    assert_null(shim_sigmoid(s, NULL));
    assert_status(shim_scope_check(s, &em), ST_INTERNAL);
    assert_string_equal(em.where, "shim_sigmoid");
}

static void a_wrong_count_is_an_error(void **state)
{
    (void)state;
    float out[3] = {7, 7, 7};
    shim_to_memory(s, shim_full(s, 1, DIMS(4)), SHIM_F32, out, 3);
    assert_status(shim_scope_check(s, &em), ST_TORCH);
    assert_true(out[0] == 7);
}

static void too_much_memory_is_said_so(void **state)
{
    (void)state;
    assert_null(shim_full(s, 1, DIMS(1L << 20, 1L << 20, 1L << 14)));
    assert_status(shim_scope_check(s, &em), ST_MEMORY);
}

static void modes_last_until_reset(void **state)
{
    (void)state;
    float x[16 * 16];
    for (int i = 0; i < 256; i++)
        x[i] = 1 + (float)i / 1024; /* not representable in bf16 */
    const int64_t dims[] = {1, 16, 4, 4}, kernel[] = {1, 16, 1, 1};
    struct shim_tensor *t = tensor(x, 4, dims), *w = shim_full(s, 1, 4, kernel);
    double full = item(shim_sum(s, shim_conv2d(s, t, w, NULL, 1, 0)));
    shim_autocast(s, true);
    double half = item(shim_sum(s, shim_conv2d(s, t, w, NULL, 1, 0)));
    assert_true(full != half);
    assert_near(full, half, 1);
    shim_scope_reset(s);
    t = tensor(x, 4, dims);
    w = shim_full(s, 1, 4, kernel);
    assert_true(full == item(shim_sum(s, shim_conv2d(s, t, w, NULL, 1, 0))));
    assert_ok(shim_scope_check(s, &em));
}

static void devices_are_checked(void **state)
{
    (void)state;
    struct shim_scope *none = NULL;
    assert_ok(shim_device_check("cpu", &em));
    assert_status(shim_scope_new("toaster", SHIM_F32, &none, &em), ST_CONFIG);
    assert_text_has(em.text, "toaster");
    if (shim_cuda_count() > 0)
        return;
    em = (struct errmsg){0};
    assert_status(shim_scope_new("cuda", SHIM_F32, &none, &em), ST_NODEVICE);
    assert_text_has(em.text, "CUDA");
    assert_null(none);
}

static void threads_and_memory_are_known(void **state)
{
    (void)state;
    int64_t before = shim_get_threads(), used = 0, peak = 0;
    assert_ok(shim_set_threads(1, &em));
    assert_int_equal(shim_get_threads(), 1);
    assert_status(shim_set_threads(0, &em), ST_CONFIG);
    em = (struct errmsg){0};
    assert_ok(shim_set_threads(before, &em));
    assert_ok(shim_memory("cpu", &used, &peak, &em));
    assert_true(used > 0 && peak >= used);
    assert_text_has(shim_torch_version(), ".");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_scope, close_scope)
    const struct CMUnitTest tests[] = {
        T(data_goes_in_and_out),
        T(several_arrays_go_in_at_once),
        T(operations_do_what_they_say),
        T(convolutions_are_adjoint),
        T(resampling_by_the_identity_changes_nothing),
        T(a_bad_shape_is_an_error_with_a_text),
        T(a_missing_tensor_is_an_error),
        T(a_wrong_count_is_an_error),
        T(too_much_memory_is_said_so),
        T(modes_last_until_reset),
        T(devices_are_checked),
        T(threads_and_memory_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
