#include "base/lab.h"

#include <math.h>

#include "testing.h"

static void every_colour_comes_back(void **state)
{
    (void)state;
    for (int i = 0; i < 18 * 18 * 18; i++) {
        const uint8_t rgb[3] = {(uint8_t)(i % 18 * 15), (uint8_t)(i / 18 % 18 * 15),
                                (uint8_t)(i / (18 * 18) * 15)};
        uint8_t back[3];
        double lab[3];
        lab_from_srgb(rgb, lab);
        lab_to_srgb(lab, back);
        assert_memory_equal(back, rgb, 3);
    }
}

static void impossible_colours_are_clipped(void **state)
{
    (void)state;
    uint8_t rgb[3];
    lab_to_srgb((const double[3]){1.5, 0, 0}, rgb);
    assert_true(rgb[0] == 255 && rgb[1] == 255 && rgb[2] == 255);
    lab_to_srgb((const double[3]){-0.5, 0, 0}, rgb);
    assert_true(rgb[0] == 0 && rgb[1] == 0 && rgb[2] == 0);
    lab_to_srgb((const double[3]){0.6, 1.2, 0.9}, rgb); /* redder than any screen */
    assert_true(rgb[0] == 255 && rgb[1] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_colour_comes_back),
        cmocka_unit_test(impossible_colours_are_clipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
