/* Each loss against its formula, written out as loops over pixels. */
#include <math.h>

#include "base/philox.h"
#include "loss.h"
#include "testing.h"

enum { N = 2, SIDE = 20, PLANE = SIDE * SIDE, SAMPLE = 3 * PLANE, MARGIN = 5 };

struct bench {
    struct shim_scope *s;
    double x[N * SAMPLE], y[N * SAMPLE], mask[N * PLANE];
};

static const double mask_weight = 4.0;

static struct errmsg em;

static int setup(void **state)
{
    em = (struct errmsg){0};
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    struct philox noise = philox_at(5, PHILOX_POSE, 1);
    for (int i = 0; i < N * SAMPLE; i++) {
        b->x[i] = (double)philox_uniform(&noise, 0.0f, 1.0f);
        b->y[i] = 0.6 * b->x[i] + (double)philox_uniform(&noise, 0.0f, 0.4f);
    }
    for (int i = 0; i < N * PLANE; i++)
        b->mask[i] = (double)philox_uniform(&noise, 0.0f, 1.0f);
    assert_ok(shim_scope_new("cpu", SHIM_F64, &b->s, &em));
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    shim_scope_free(b->s);
    free(b);
    return 0;
}

static double measured(struct bench *b, enum model_loss loss, bool masked)
{
    const int64_t dims[] = {N, 3, SIDE, SIDE}, mask_dims[] = {N, 1, SIDE, SIDE};
    struct shim_tensor *mask = shim_from_memory(b->s, SHIM_F64, b->mask, 4, mask_dims);
    struct shim_tensor *weights = loss_weights(b->s, masked ? mask : NULL, mask_weight, NULL, 0.0);
    const struct loss_batch batch = {
        .pictures = shim_from_memory(b->s, SHIM_F64, b->x, 4, dims),
        .targets = shim_from_memory(b->s, SHIM_F64, b->y, 4, dims),
        .weights = weights,
    };
    double values[N] = {NAN};
    shim_to_memory(b->s, loss_of_samples(b->s, loss, &batch), SHIM_F64, values, N);
    assert_ok(shim_scope_check(b->s, &em));
    return values[0] + values[1];
}

/* (1 - SSIM) / 2 of the window around (row, column) of one channel. */
static double dssim_at(const double *x, const double *y, int row, int column)
{
    double sum = 0, mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int i = -MARGIN; i <= MARGIN; i++)
        for (int j = -MARGIN; j <= MARGIN; j++) {
            double g = exp(-(i * i + j * j) / (2 * 1.5 * 1.5));
            double a = x[(row + i) * SIDE + column + j], b = y[(row + i) * SIDE + column + j];
            sum += g;
            mx += g * a;
            my += g * b;
            xx += g * a * a;
            yy += g * b * b;
            xy += g * a * b;
        }
    mx /= sum;
    my /= sum;
    double vx = xx / sum - mx * mx, vy = yy / sum - my * my, c = xy / sum - mx * my;
    return (1 - (2 * mx * my + 1e-4) * (2 * c + 9e-4) /
                    ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))) /
           2;
}

static double wanted(const struct bench *b, enum model_loss loss, bool masked)
{
    int margin = loss == MODEL_LOSS_DSSIM ? MARGIN : 0;
    double total = 0;
    for (int n = 0; n < N; n++) {
        double sum = 0, weights = 0;
        for (int c = 0; c < 3; c++)
            for (int row = margin; row < SIDE - margin; row++)
                for (int column = margin; column < SIDE - margin; column++) {
                    const double *x = b->x + n * SAMPLE + c * PLANE;
                    const double *y = b->y + n * SAMPLE + c * PLANE;
                    int at = row * SIDE + column;
                    double w = masked ? 1 + mask_weight * b->mask[n * PLANE + at] : 1;
                    double d = margin ? dssim_at(x, y, row, column) : fabs(x[at] - y[at]);
                    sum += w * d;
                    weights += w;
                }
        total += sum / weights;
    }
    return total;
}

static void losses_follow_their_formulas(void **state)
{
    struct bench *b = *state;
    for (int loss = 0; loss <= MODEL_LOSS_DSSIM; loss++)
        for (int masked = 0; masked <= 1; masked++)
            assert_near(measured(b, (enum model_loss)loss, masked),
                        wanted(b, (enum model_loss)loss, masked), 1e-9);
    assert_true(fabs(wanted(b, MODEL_LOSS_DSSIM, true) - wanted(b, MODEL_LOSS_DSSIM, false)) >
                1e-6);
}

static void equal_pictures_cost_nothing(void **state)
{
    struct bench *b = *state;
    memcpy(b->y, b->x, sizeof b->y);
    for (int loss = 0; loss <= MODEL_LOSS_DSSIM; loss++)
        assert_near(measured(b, (enum model_loss)loss, true), 0.0, 1e-12);
}

static void empty_and_full_masks_weigh_all_alike(void **state)
{
    struct bench *b = *state;
    for (int loss = 0; loss <= MODEL_LOSS_DSSIM; loss++)
        for (int value = 0; value <= 1; value++) {
            for (int i = 0; i < N * PLANE; i++)
                b->mask[i] = value;
            assert_near(measured(b, (enum model_loss)loss, true),
                        measured(b, (enum model_loss)loss, false), 1e-12);
        }
}

static void priorities_count_beside_masks(void **state)
{
    struct bench *b = *state;
    const int64_t dims[] = {N, 1, SIDE, SIDE};
    static double priority[N * PLANE], got[N * PLANE];
    for (int i = 0; i < N * PLANE; i++)
        priority[i] = (double)(i % 5) / 4.0;
    struct shim_tensor *masks = shim_from_memory(b->s, SHIM_F64, b->mask, 4, dims);
    struct shim_tensor *more = shim_from_memory(b->s, SHIM_F64, priority, 4, dims);
    for (int use = 0; use < 4; use++) { /* masks, priorities, both or none */
        bool m = use & 1, p = use & 2;
        struct shim_tensor *w =
            loss_weights(b->s, masks, m ? mask_weight : 0, p ? more : NULL, 3.0);
        if (use == 0) {
            assert_null(w);
            continue;
        }
        shim_to_memory(b->s, w, SHIM_F64, got, N * PLANE);
        assert_ok(shim_scope_check(b->s, &em));
        for (int i = 0; i < N * PLANE; i++)
            assert_near(got[i], 1 + m * mask_weight * b->mask[i] + p * 3.0 * priority[i], 1e-12);
    }
}

static void a_mask_head_is_compared_with_the_mask(void **state)
{
    struct bench *b = *state;
    const int64_t dims[] = {N, 1, SIDE, SIDE};
    double made[N * PLANE], wanted_square[N] = {0}, got[N];
    for (int i = 0; i < N * PLANE; i++) {
        made[i] = b->mask[i] + (i % 3 ? 0.25 : -0.5);
        wanted_square[i / PLANE] += (i % 3 ? 0.0625 : 0.25) / PLANE;
    }
    struct loss_batch batch = {.masks = shim_from_memory(b->s, SHIM_F64, b->mask, 4, dims)};
    assert_false(loss_is_known(&batch, MODEL_LOSS_MASK_HEAD));
    batch.masks_made = shim_from_memory(b->s, SHIM_F64, made, 4, dims);
    assert_true(loss_is_known(&batch, MODEL_LOSS_MASK_HEAD));
    shim_to_memory(b->s, loss_of_samples(b->s, MODEL_LOSS_MASK_HEAD, &batch), SHIM_F64, got, N);
    assert_ok(shim_scope_check(b->s, &em));
    for (int i = 0; i < N; i++)
        assert_near(got[i], wanted_square[i], 1e-12);
}

/* By squares, relative to the wanted ones; of codes that are vectors as of such that are pictures.
 */
static void codes_are_compared_with_the_wanted(void **state)
{
    struct bench *b = *state;
    enum { COUNT = 12 };
    const double wanted[N * COUNT] = {3, 1, -2, 0, 1, 1, 2, 2, 0, 0, 1, 1, [COUNT] = 1};
    const int64_t dims[][4] = {
        {N,  COUNT},
        { N, 3,     2, 2}
    };
    double codes[N * COUNT], got[N], square = 0;
    memcpy(codes, wanted, sizeof codes);
    for (int i = 0; i < COUNT; i++) {
        square += wanted[i] * wanted[i];
        codes[i] += i % 2 ? 0.5 : -0.5;
    }
    for (int i = 0; i < 2; i++) {
        size_t n_dims = i == 0 ? 2 : 4;
        struct loss_batch batch = {.codes =
                                       shim_from_memory(b->s, SHIM_F64, codes, n_dims, dims[i])};
        assert_false(loss_is_known(&batch, MODEL_LOSS_LATENT));
        batch.codes_wanted = shim_from_memory(b->s, SHIM_F64, wanted, n_dims, dims[i]);
        assert_true(loss_is_known(&batch, MODEL_LOSS_LATENT));
        shim_to_memory(b->s, loss_of_samples(b->s, MODEL_LOSS_LATENT, &batch), SHIM_F64, got, N);
        assert_ok(shim_scope_check(b->s, &em));
        assert_near(got[0], COUNT * 0.25 / square, 1e-9);
        assert_true(got[1] == 0);
    }
}

static void keys_are_the_ones_in_metrics(void **state)
{
    (void)state;
    assert_string_equal(model_loss_key(MODEL_LOSS_L1), "l1");
    assert_string_equal(model_loss_key(MODEL_LOSS_DSSIM), "dssim");
    assert_string_equal(model_loss_key(MODEL_LOSS_R1), "r1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(losses_follow_their_formulas, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_pictures_cost_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_and_full_masks_weigh_all_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(priorities_count_beside_masks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mask_head_is_compared_with_the_mask, setup, teardown),
        cmocka_unit_test_setup_teardown(codes_are_compared_with_the_wanted, setup, teardown),
        cmocka_unit_test(keys_are_the_ones_in_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
