#include "data/draw_augment.h"

#include <math.h>

#include "base/philox.h"
#include "testing.h"

enum { NOISE = 4000 };

static const struct augment_course full = {.off_from = UINT64_MAX};

static const struct augment_config strong = {.flip = 0.5,
                                             .rotate_deg = 10,
                                             .zoom = 0.1,
                                             .shift = 0.05,
                                             .warp = 0.02,
                                             .colour_transfer = 0.8,
                                             .surroundings = 0.3,
                                             .colour_jitter = 0.2,
                                             .blur = 0.01,
                                             .noise = 0.1,
                                             .back_translation = 0.5};

static void draws_are_a_function_of_the_position(void **state)
{
    (void)state;
    struct augment_draw a = augment_draw_at(&strong, &full, 1, ORDER_PERSON_A, 77);
    struct augment_draw again = augment_draw_at(&strong, &full, 1, ORDER_PERSON_A, 77);
    struct augment_draw b = augment_draw_at(&strong, &full, 1, ORDER_PERSON_B, 77);
    struct augment_draw next = augment_draw_at(&strong, &full, 1, ORDER_PERSON_A, 78);
    assert_memory_equal(&a, &again, sizeof a);
    assert_true(a.rotate != b.rotate && a.rotate != next.rotate);
}

static void strengths_bound_the_draws(void **state)
{
    (void)state;
    int flips = 0, transfers = 0, moved = 0, swapped = 0, sharp = 0, clean = 0;
    float widest = 0;
    for (uint64_t p = 0; p < 2000; p++) {
        struct augment_draw d = augment_draw_at(&strong, &full, 9, ORDER_PERSON_B, p);
        flips += d.flip;
        widest = fmaxf(widest, fabsf(d.rotate));
        assert_true(fabsf(d.rotate) <= 0.17454f);
        assert_true(d.zoom >= 0.9f && d.zoom <= 1.1f);
        assert_true(fabsf(d.shift_x) <= 0.1f && fabsf(d.shift_y) <= 0.1f);
        assert_true(d.colour_transfer == 0 || d.colour_transfer == 1);
        transfers += d.colour_transfer == 1;
        moved += d.surroundings;
        swapped += d.back_translation;
        assert_true(d.blur >= 0 && d.blur <= 0.01f && d.noise >= 0 && d.noise <= 0.1f);
        sharp += d.blur == 0;
        clean += d.noise == 0;
        for (int i = 0; i < AUGMENT_GRID; i++)
            assert_true(fabsf(d.warp[i][i][0]) <= 0.0801f);
        for (int c = 0; c < 3; c++)
            assert_true(fabsf(d.gain[c] - 1) <= 0.2f && fabsf(d.offset[c]) <= 0.1f);
    }
    assert_in_range(flips, 900, 1100);
    assert_in_range(transfers, 1500, 1700);
    assert_in_range(moved, 500, 700);
    assert_in_range(swapped, 900, 1100);
    assert_in_range(sharp, 900, 1100);
    assert_in_range(clean, 900, 1100);
    assert_true(widest > 0.17f);
}

static void zero_strength_changes_nothing(void **state)
{
    (void)state;
    struct augment_config none = {0};
    struct augment_draw d = augment_draw_at(&none, &full, 9, ORDER_PERSON_A, 5);
    assert_true(!d.flip && d.rotate == 0 && d.zoom == 1 && d.colour_transfer == 0);
    assert_true(d.blur == 0 && d.noise == 0);
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
    struct augment_draw a = augment_draw_at(&strong, &full, 4, ORDER_PERSON_A, 12);
    struct augment_draw b = augment_draw_at(&changed, &full, 4, ORDER_PERSON_A, 12);
    assert_true(a.rotate == b.rotate && a.zoom == b.zoom && a.shift_x == b.shift_x);
    assert_true(a.colour_transfer == b.colour_transfer && a.offset[2] == b.offset[2]);
}

/* A new row of the table takes its numbers after all others: these are of seed 1, position 77. */
static void draws_stay_what_they_were(void **state)
{
    (void)state;
    struct augment_draw d = augment_draw_at(&strong, &full, 1, ORDER_PERSON_A, 77);
    struct philox p = philox_at(1, PHILOX_AUGMENT_A, 77);
    philox_u32(&p);
    assert_true(d.rotate == philox_uniform(&p, -0.17453292f, 0.17453292f));
    for (int i = 0; i < 3 + 2 * 2 * AUGMENT_GRID * AUGMENT_GRID + 1 + 6; i++)
        philox_u32(&p);
    assert_true(d.surroundings == (philox_uniform(&p, 0, 1) < 0.3f));
    assert_true(d.back_translation == (philox_uniform(&p, 0, 1) < 0.5f));
    assert_true(d.blur == fmaxf(philox_uniform(&p, -0.01f, 0.01f), 0));
    assert_true(d.noise == fmaxf(philox_uniform(&p, -0.1f, 0.1f), 0));
}

static void what_makes_inputs_worse_fades(void **state)
{
    (void)state;
    struct augment_config c = strong;
    c.ramp_steps = 10;
    c.off_steps = 3;
    struct augment_course course = augment_course_of(&c, 8, 0, 8 * 100);
    assert_near(augment_fade_at(&course, 0), 0, 0);
    assert_near(augment_fade_at(&course, 20), 0.25, 0);
    assert_near(augment_fade_at(&course, 80), 1, 0);
    assert_near(augment_fade_at(&course, 8 * 97 - 1), 1, 0);
    assert_near(augment_fade_at(&course, 8 * 97), 0, 0);
    for (uint64_t position = 0; position < 800; position += 20) {
        struct augment_draw now = augment_draw_at(&c, &course, 3, ORDER_PERSON_A, position);
        struct augment_draw whole = augment_draw_at(&c, &full, 3, ORDER_PERSON_A, position);
        double fade = augment_fade_at(&course, position);
        assert_near(now.warp[1][2][0], fade * (double)whole.warp[1][2][0], 1e-7);
        assert_near(now.gain[1] - 1, fade * ((double)whole.gain[1] - 1), 1e-6);
        assert_near(now.blur, fade * (double)whole.blur, 1e-8);
        assert_near(now.noise, fade * (double)whole.noise, 1e-7);
        assert_true(now.flip == whole.flip && now.rotate == whole.rotate);
        assert_true(now.colour_transfer == whole.colour_transfer);
        assert_true(now.back_translation == whole.back_translation);
    }
}

static void a_stage_has_a_course_of_its_own(void **state)
{
    (void)state;
    struct augment_config c = {.ramp_steps = 10, .off_steps = 3};
    struct augment_course course = augment_course_of(&c, 8, 1000, 1000 + 8 * 100);
    assert_near(augment_fade_at(&course, 1000), 0, 0);
    assert_near(augment_fade_at(&course, 1020), 0.25, 0);
    assert_near(augment_fade_at(&course, 1080), 1, 0);
    assert_near(augment_fade_at(&course, 1000 + 8 * 97), 0, 0);
    c.off_steps = 500; /* more than there are: off from where it begins, not from before */
    course = augment_course_of(&c, 8, 1000, 1000 + 8 * 100);
    assert_int_equal(course.off_from, 1000);
}

static void a_run_shorter_than_its_last_steps_is_off(void **state)
{
    (void)state;
    struct augment_config c = {.off_steps = 50};
    struct augment_course course = augment_course_of(&c, 8, 0, 8 * 20);
    assert_near(augment_fade_at(&course, 0), 0, 0);
    c.off_steps = 0;
    course = augment_course_of(&c, 8, 0, 8 * 20);
    assert_near(augment_fade_at(&course, 8 * 20), 1, 0); /* training may go on */
}

static void noise_is_normal_and_a_function_of_the_position(void **state)
{
    (void)state;
    static uint8_t noise[NOISE], again[NOISE], other[NOISE];
    augment_noise_at(1, ORDER_PERSON_A, 77, NOISE, noise);
    augment_noise_at(1, ORDER_PERSON_A, 77, NOISE - 1, again); /* no whole words */
    assert_memory_equal(noise, again, NOISE - 1);
    assert_int_equal(again[NOISE - 1], 0);
    augment_noise_at(1, ORDER_PERSON_A, 78, NOISE, other);
    assert_memory_not_equal(noise, other, NOISE);
    augment_noise_at(1, ORDER_PERSON_B, 77, NOISE, other);
    assert_memory_not_equal(noise, other, NOISE);
    double sum = 0, square = 0;
    int inner = 0;
    for (int i = 0; i < NOISE; i++) {
        double z = (noise[i] - (double)AUGMENT_NOISE_ZERO) / AUGMENT_NOISE_UNIT;
        sum += z;
        square += z * z;
        inner += fabs(z) < 1;
    }
    assert_near(sum / NOISE, 0, 0.05);
    assert_near(square / NOISE, 1, 0.07);
    assert_near((double)inner / NOISE, 0.683, 0.03);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_a_function_of_the_position),
        cmocka_unit_test(strengths_bound_the_draws),
        cmocka_unit_test(zero_strength_changes_nothing),
        cmocka_unit_test(strengths_are_independent),
        cmocka_unit_test(draws_stay_what_they_were),
        cmocka_unit_test(what_makes_inputs_worse_fades),
        cmocka_unit_test(a_stage_has_a_course_of_its_own),
        cmocka_unit_test(a_run_shorter_than_its_last_steps_is_off),
        cmocka_unit_test(noise_is_normal_and_a_function_of_the_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
