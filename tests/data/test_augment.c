#include "data/augment.h"
#include "testing.h"
#include <math.h>

static const struct augment_config strong = {.flip = 0.5,
                                             .rotate_deg = 10,
                                             .zoom = 0.1,
                                             .shift = 0.05,
                                             .warp = 0.02,
                                             .colour_transfer = 0.8,
                                             .surroundings = 0.3,
                                             .colour_jitter = 0.2,
                                             .back_translation = 0.5};

static void draws_are_a_function_of_the_position(void **state)
{
    (void)state;
    struct augment_draw a = augment_draw_at(&strong, 1, ORDER_PERSON_A, 77);
    struct augment_draw again = augment_draw_at(&strong, 1, ORDER_PERSON_A, 77);
    struct augment_draw b = augment_draw_at(&strong, 1, ORDER_PERSON_B, 77);
    struct augment_draw next = augment_draw_at(&strong, 1, ORDER_PERSON_A, 78);
    assert_memory_equal(&a, &again, sizeof a);
    assert_true(a.rotate != b.rotate && a.rotate != next.rotate);
}

static void strengths_bound_the_draws(void **state)
{
    (void)state;
    int flips = 0, transfers = 0, moved = 0, swapped = 0;
    float widest = 0;
    for (uint64_t p = 0; p < 2000; p++) {
        struct augment_draw d = augment_draw_at(&strong, 9, ORDER_PERSON_B, p);
        flips += d.flip;
        widest = fmaxf(widest, fabsf(d.rotate));
        assert_true(fabsf(d.rotate) <= 0.17454f);
        assert_true(d.zoom >= 0.9f && d.zoom <= 1.1f);
        assert_true(fabsf(d.shift_x) <= 0.1f && fabsf(d.shift_y) <= 0.1f);
        assert_true(d.colour_transfer == 0 || d.colour_transfer == 1);
        transfers += d.colour_transfer == 1;
        moved += d.surroundings;
        swapped += d.back_translation;
        for (int i = 0; i < AUGMENT_GRID; i++)
            assert_true(fabsf(d.warp[i][i][0]) <= 0.0801f);
        for (int c = 0; c < 3; c++)
            assert_true(fabsf(d.gain[c] - 1) <= 0.2f && fabsf(d.offset[c]) <= 0.1f);
    }
    assert_in_range(flips, 900, 1100);
    assert_in_range(transfers, 1500, 1700);
    assert_in_range(moved, 500, 700);
    assert_in_range(swapped, 900, 1100);
    assert_true(widest > 0.17f);
}

static void zero_strength_changes_nothing(void **state)
{
    (void)state;
    struct augment_config none = {0};
    struct augment_draw d = augment_draw_at(&none, 9, ORDER_PERSON_A, 5);
    assert_true(!d.flip && d.rotate == 0 && d.zoom == 1 && d.colour_transfer == 0);
    for (int c = 0; c < 3; c++)
        assert_true(d.gain[c] == 1 && d.offset[c] == 0);
    for (int i = 0; i < AUGMENT_GRID; i++)
        assert_true(d.warp[i][0][0] == 0 && d.warp[0][i][1] == 0);
}

/* Turning one strength off leaves the other draws as they were. */
static void strengths_are_independent(void **state)
{
    (void)state;
    struct augment_config changed = strong;
    changed.warp = 0;
    changed.flip = 0;
    struct augment_draw a = augment_draw_at(&strong, 4, ORDER_PERSON_A, 12);
    struct augment_draw b = augment_draw_at(&changed, 4, ORDER_PERSON_A, 12);
    assert_true(a.rotate == b.rotate && a.zoom == b.zoom && a.shift_x == b.shift_x);
    assert_true(a.colour_transfer == b.colour_transfer && a.offset[2] == b.offset[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_a_function_of_the_position),
        cmocka_unit_test(strengths_bound_the_draws),
        cmocka_unit_test(zero_strength_changes_nothing),
        cmocka_unit_test(strengths_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
