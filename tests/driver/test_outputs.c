/* What is seen of a decoder's pictures. */
#include "outputs.h"

#include <math.h>
#include <string.h>

#include "testing.h"

enum { SIZE = 20, PIXELS = SIZE * SIZE, BYTES = 3 * PIXELS };

static void fill(uint8_t *picture, int value)
{
    memset(picture, value, BYTES);
}

/* Stripes of two values, by columns. */
static void fill_stripes(uint8_t *picture, int low, int high)
{
    for (int i = 0; i < BYTES; i++)
        picture[i] = (uint8_t)((i / 3) % SIZE < SIZE / 2 ? low : high);
}

static void differences_are_shares_of_full_scale(void **state)
{
    (void)state;
    uint8_t made[BYTES], wanted[BYTES];
    struct outputs_sum sum = {0};
    fill(made, 255);
    fill(wanted, 51);
    outputs_add(&sum, made, wanted, NULL, SIZE);
    struct outputs o = outputs_from(&sum);
    assert_true(fabs(o.error - 0.8) < 1e-12 && fabs(o.grey - 0.3) < 1e-12);
    assert_true(o.made.extreme == 1 && o.wanted.extreme == 0);
    assert_true(o.made.contrast == 0 && o.made.variety == 0);
}

/* As losses and metrics do, so that soft and faint masks are judged like all others. */
static void a_pixel_counts_as_much_as_its_mask_is_bright(void **state)
{
    (void)state;
    uint8_t made[BYTES], wanted[BYTES], mask[PIXELS];
    struct outputs_sum faint = {0}, soft = {0};
    fill_stripes(made, 0, 100);
    fill(wanted, 100);
    for (int i = 0; i < PIXELS; i++)
        mask[i] = i % SIZE < SIZE / 2 ? 0 : 1;
    outputs_add(&faint, made, wanted, mask, SIZE);
    assert_true(outputs_from(&faint).error == 0);
    for (int i = 0; i < PIXELS; i++)
        mask[i] = i % SIZE < SIZE / 2 ? 50 : 200;
    outputs_add(&soft, made, wanted, mask, SIZE);
    assert_true(fabs(outputs_from(&soft).error - 20.0 / 255) < 1e-12);
}

static void inside_the_mask_only_unless_it_is_empty(void **state)
{
    (void)state;
    uint8_t made[BYTES], wanted[BYTES], mask[PIXELS] = {0};
    struct outputs_sum empty = {0}, masked = {0};
    fill_stripes(made, 0, 100);
    fill(wanted, 100);
    outputs_add(&empty, made, wanted, mask, SIZE);
    mask[SIZE - 1] = 255; /* a pixel of the right half */
    outputs_add(&masked, made, wanted, mask, SIZE);
    assert_true(fabs(outputs_from(&empty).error - 50.0 / 255) < 1e-12);
    assert_true(outputs_from(&masked).error == 0);
}

static void contrast_is_within_a_picture_and_variety_between_them(void **state)
{
    (void)state;
    uint8_t picture[2][BYTES], striped[BYTES];
    struct outputs_sum sum = {0};
    fill(picture[0], 50);
    fill(picture[1], 150);
    fill_stripes(striped, 20, 220);
    for (int i = 0; i < 2; i++)
        outputs_add(&sum, striped, picture[i], NULL, SIZE);
    struct outputs o = outputs_from(&sum);
    assert_true(fabs(o.made.contrast - 100.0 / 255) < 1e-6 && o.made.variety == 0);
    assert_true(fabs(o.wanted.variety - 50.0 / 255) < 1e-6 && o.wanted.contrast == 0);
}

/* Cells of 20 pixels are 2 or 3 wide: sums stay whole numbers all the same. */
static void the_order_of_sums_does_not_matter(void **state)
{
    (void)state;
    enum { N = 5, NUMBERS = sizeof(struct outputs_sum) / sizeof(double) };
    uint8_t made[BYTES], wanted[BYTES];
    struct outputs_sum all = {0}, part[N] = {0}, backwards = {0};
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < BYTES; k++) {
            made[k] = (uint8_t)(k * k * (i + 3) % 251);
            wanted[k] = (uint8_t)(k * (i + 7) % 253);
        }
        outputs_add(&all, made, wanted, NULL, SIZE);
        outputs_add(&part[i], made, wanted, NULL, SIZE);
    }
    for (int i = N - 1; i >= 0; i--)
        for (int k = 0; k < NUMBERS; k++)
            (&backwards.pictures)[k] += (&part[i].pictures)[k];
    assert_memory_equal(&all, &backwards, sizeof all);
}

static void nothing_is_not_a_number(void **state)
{
    (void)state;
    const struct outputs_sum none = {0};
    struct outputs o = outputs_from(&none);
    assert_true(isnan(o.error) && isnan(o.made.extreme) && o.pictures == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_shares_of_full_scale),
        cmocka_unit_test(inside_the_mask_only_unless_it_is_empty),
        cmocka_unit_test(a_pixel_counts_as_much_as_its_mask_is_bright),
        cmocka_unit_test(contrast_is_within_a_picture_and_variety_between_them),
        cmocka_unit_test(the_order_of_sums_does_not_matter),
        cmocka_unit_test(nothing_is_not_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
