/* Measures against values known by hand. */
#include "base/philox.h"
#include "quality.h"
#include "testing.h"
#include <math.h>

enum { SIZE = 24, PIXELS = SIZE * SIZE };

static struct quality measure(const uint8_t *a, const uint8_t *b, const uint8_t *mask)
{
    struct errmsg em = {0};
    struct quality_meter *m;
    assert_ok(quality_meter_new(SIZE, &m, &em));
    struct quality q = quality_measure(m, a, b, mask);
    quality_meter_free(m);
    return q;
}

static bool near(double got, double want, double tolerance)
{
    return fabs(got - want) <= tolerance;
}

static void identical_pictures_are_perfect(void **state)
{
    (void)state;
    uint8_t a[PIXELS * 3];
    for (int i = 0; i < PIXELS * 3; i++)
        a[i] = (uint8_t)(i * 7);
    struct quality q = measure(a, a, NULL);
    assert_true(q.l1 == 0 && near(q.ssim, 1, 1e-6) && isinf(q.psnr));
}

/* Flat pictures have no variance: SSIM is (2xy + c1) / (x^2 + y^2 + c1). */
static void flat_pictures_by_hand(void **state)
{
    (void)state;
    uint8_t a[PIXELS * 3], b[PIXELS * 3];
    memset(a, 51, sizeof a);  /* 0.2 */
    memset(b, 102, sizeof b); /* 0.4 */
    struct quality q = measure(a, b, NULL);
    assert_true(near(q.l1, 0.2, 1e-9));
    assert_true(near(q.psnr, 10 * log10(1 / 0.04), 1e-6));
    assert_true(near(q.ssim, (2 * 0.08 + 1e-4) / (0.04 + 0.16 + 1e-4), 1e-4));
}

static void only_the_mask_counts(void **state)
{
    (void)state;
    uint8_t a[PIXELS * 3], b[PIXELS * 3], mask[PIXELS] = {0};
    memset(a, 100, sizeof a);
    memset(b, 100, sizeof b);
    for (int i = 0; i < PIXELS; i++)
        if (i % SIZE < SIZE / 2)
            mask[i] = 255;
        else
            memset(b + 3 * i, 200, 3);
    assert_true(measure(a, b, mask).l1 == 0);
    memset(mask, 0, sizeof mask);
    assert_true(isnan(measure(a, b, mask).l1));
    for (int i = 0; i < PIXELS; i++)
        mask[i] = i % SIZE < SIZE / 2 ? 0 : 128;
    assert_true(near(measure(a, b, mask).l1, 100 / 255.0, 1e-9));
}

static void fill_noise(uint8_t *a, uint64_t index)
{
    struct philox p = philox_at(1, PHILOX_FAULT, index);
    for (int i = 0; i < PIXELS * 3; i++)
        a[i] = (uint8_t)philox_below(&p, 256);
}

/* A window outside the picture mirrors it, so shifting noise matters and its sign does not. */
static void unrelated_noise_is_near_zero_and_symmetric(void **state)
{
    (void)state;
    uint8_t a[PIXELS * 3], b[PIXELS * 3];
    fill_noise(a, 1);
    fill_noise(b, 2);
    struct quality ab = measure(a, b, NULL), ba = measure(b, a, NULL);
    assert_true(near(ab.ssim, ba.ssim, 1e-6) && fabs(ab.ssim) < 0.1);
    assert_true(near(ab.l1, 1 / 3.0, 0.02));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identical_pictures_are_perfect),
        cmocka_unit_test(flat_pictures_by_hand),
        cmocka_unit_test(only_the_mask_counts),
        cmocka_unit_test(unrelated_noise_is_near_zero_and_symmetric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
