/* Where priorities lie, by landmarks whose distances are known. */
#include "data/priority.h"
#include "testing.h"

#include <math.h>

enum { SIDE = 64 };

/* Eyes 20 pixels apart, mouth 16 wide: regions reach 8 pixels around eyes, 6 around the mouth. */
static const float face[SET_LANDMARKS][2] = {
    {22, 20},
    {42, 20},
    {32, 30},
    {24, 42},
    {40, 42}
};
static uint8_t map[4 * SIDE * SIDE];

static int at(int size, int x, int y)
{
    return map[y * size + x];
}

static void draw(double eyes, double mouth, int stored_size, int size)
{
    memset(map, 77, sizeof map);
    priority_draw(&(struct priority){eyes, mouth}, face, stored_size, size, map);
}

static void regions_lie_at_their_landmarks(void **state)
{
    (void)state;
    draw(3, 3, SIDE, SIDE);
    assert_int_equal(at(SIDE, 22, 20), 255);
    assert_int_equal(at(SIDE, 42, 20), 255);
    for (int x = 24; x <= 40; x++)
        assert_int_equal(at(SIDE, x, 42), 255);
    assert_int_equal(at(SIDE, 32, 30), 0); /* the nose */
    assert_int_equal(at(SIDE, 22 - 8, 20), 0);
    assert_int_equal(at(SIDE, 24, 42 + 6), 0);
    assert_near(at(SIDE, 22 - 4, 20), 255 * 0.75 * 0.75, 0.51);
    assert_near(at(SIDE, 32, 42 + 3), 255 * 0.75 * 0.75, 0.51);
    assert_near(at(SIDE, 40 + 3, 42), 255 * 0.75 * 0.75, 0.51);
}

static void the_larger_weight_is_the_unit(void **state)
{
    (void)state;
    assert_true(priority_unit(&(struct priority){2, 5}) == 5);
    draw(2, 5, SIDE, SIDE);
    assert_int_equal(at(SIDE, 22, 20), 102);
    assert_int_equal(at(SIDE, 32, 42), 255);
    draw(2, 0, SIDE, SIDE);
    assert_int_equal(at(SIDE, 22, 20), 255);
    assert_int_equal(at(SIDE, 32, 42), 0);
    draw(0, 0, SIDE, SIDE);
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(map[i], 0);
}

/* Pixel centres: a landmark at x of a picture lies at 2 x + 0.5 of one twice as large. */
static void pictures_of_other_sizes_have_the_same_regions(void **state)
{
    (void)state;
    draw(1, 1, SIDE, 2 * SIDE);
    int beside = at(2 * SIDE, 44, 40);
    assert_in_range(beside, 250, 254);
    assert_int_equal(at(2 * SIDE, 45, 40), beside);
    assert_int_equal(at(2 * SIDE, 45, 41), beside);
    assert_true(at(2 * SIDE, 43, 40) < beside);
    assert_true(at(2 * SIDE, 44 - 12, 40) > 0);
}

static void landmarks_that_are_none_draw_nothing(void **state)
{
    (void)state;
    float broken[SET_LANDMARKS][2], one_point[SET_LANDMARKS][2] = {{0}};
    memcpy(broken, face, sizeof broken);
    broken[3][1] = NAN;
    priority_draw(&(struct priority){1, 1}, (const float(*)[2])broken, SIDE, SIDE, map);
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(map[i], 0);
    priority_draw(&(struct priority){1, 1}, (const float(*)[2])one_point, SIDE, SIDE, map);
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(map[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_lie_at_their_landmarks),
        cmocka_unit_test(the_larger_weight_is_the_unit),
        cmocka_unit_test(pictures_of_other_sizes_have_the_same_regions),
        cmocka_unit_test(landmarks_that_are_none_draw_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
