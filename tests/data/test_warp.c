#include "data/warp.h"

#include <math.h>
#include <string.h>

#include "testing.h"

enum { WIDTH = 40, HEIGHT = 30 };

/* Red is x, green is y, blue is a chessboard of single pixels. */
static struct picture make_picture(void)
{
    struct errmsg em = {0};
    struct picture p = {0};
    assert_status(picture_init(&p, WIDTH, HEIGHT, &em), ST_OK);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            uint8_t *to = p.rgb + (y * WIDTH + x) * 3;
            to[0] = (uint8_t)(4 * x);
            to[1] = (uint8_t)(4 * y);
            to[2] = (x + y) % 2 ? 255 : 0;
        }
    return p;
}

static void the_same_map_gives_the_same_pixels(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture picture = make_picture();
    struct pyramid p;
    static float out[WIDTH * HEIGHT * 3];
    assert_status(pyramid_init(&p, &picture, &em), ST_OK);
    pyramid_sample(&p, &(struct similarity){.a = 1}, WIDTH, HEIGHT, out);
    for (size_t i = 0; i < WIDTH * HEIGHT * 3; i++)
        assert_float_equal(out[i], picture.rgb[i], 0);
    pyramid_release(&p);
    picture_release(&picture);
}

static void pixels_come_from_where_the_map_says(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture picture = make_picture();
    struct pyramid p;
    float out[5 * 5 * 3];
    double at[2];
    assert_status(pyramid_init(&p, &picture, &em), ST_OK);
    for (int mirrored = 0; mirrored < 2; mirrored++) {
        struct similarity map = {0.6, 0.5, 15.25, 10.5, mirrored};
        pyramid_sample(&p, &map, 5, 5, out);
        for (int i = 0; i < 25; i++) {
            similarity_apply(&map, i % 5, i / 5, at);
            assert_float_equal(out[3 * i], (float)(4 * at[0]), 1e-3);
            assert_float_equal(out[3 * i + 1], (float)(4 * at[1]), 1e-3);
        }
    }
    pyramid_release(&p);
    picture_release(&picture);
}

/* Details finer than the result's pixels become their mean, and nothing is shifted. */
static void what_shrinks_has_no_aliases(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture picture = make_picture();
    struct pyramid p;
    float out[4 * 4 * 3];
    double at[2];
    assert_status(pyramid_init(&p, &picture, &em), ST_OK);
    for (double scale = 1.8; scale < 2; scale += 0.05) { /* between two copies */
        pyramid_sample(&p, &(struct similarity){.a = scale, .x0 = 8, .y0 = 7}, 4, 4, out);
        for (int i = 0; i < 16; i++)
            assert_float_equal(out[3 * i + 2], 127.5, 50);
    }
    for (double scale = 2; scale < 6; scale += 0.7) {
        struct similarity map = {.a = scale, .x0 = 8, .y0 = 7};
        pyramid_sample(&p, &map, 4, 4, out);
        for (int i = 0; i < 16; i++) {
            similarity_apply(&map, i % 4, i / 4, at);
            if (at[0] > WIDTH - scale || at[1] > HEIGHT - scale)
                continue; /* reaches beyond the border */
            assert_float_equal(out[3 * i], (float)(4 * at[0]), 1.5);
            assert_float_equal(out[3 * i + 1], (float)(4 * at[1]), 1.5);
            assert_float_equal(out[3 * i + 2], 127.5, 16);
        }
    }
    pyramid_release(&p);
    picture_release(&picture);
}

static void outside_is_the_border(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture picture = make_picture();
    struct pyramid p;
    float out[3];
    assert_status(pyramid_init(&p, &picture, &em), ST_OK);
    pyramid_sample(&p, &(struct similarity){.a = 1, .x0 = -1e9, .y0 = 1e9}, 1, 1, out);
    assert_float_equal(out[0], 0, 0);
    assert_float_equal(out[1], 4 * (HEIGHT - 1), 0);
    pyramid_release(&p);
    picture_release(&picture);
}

static void thin_pictures_have_a_pyramid(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture picture = {0};
    struct pyramid p;
    float out[3];
    assert_status(picture_init(&picture, 1, 3000, &em), ST_OK);
    memset(picture.rgb, 9, 9000);
    assert_status(pyramid_init(&p, &picture, &em), ST_OK);
    pyramid_sample(&p, &(struct similarity){.a = 700}, 1, 1, out);
    assert_float_equal(out[0], 9, 0);
    pyramid_release(&p);
    picture_release(&picture);
}

static void an_inverse_takes_points_back(void **state)
{
    (void)state;
    struct similarity map = {1.7, -0.4, 12, -5, false}, back = similarity_inverse(&map);
    double there[2], here[2];
    similarity_apply(&map, 3, 8, there);
    similarity_apply(&back, there[0], there[1], here);
    assert_float_equal((float)here[0], 3, 1e-6);
    assert_float_equal((float)here[1], 8, 1e-6);
    assert_float_equal((float)(similarity_scale(&map) * similarity_scale(&back)), 1, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_map_gives_the_same_pixels),
        cmocka_unit_test(pixels_come_from_where_the_map_says),
        cmocka_unit_test(what_shrinks_has_no_aliases),
        cmocka_unit_test(outside_is_the_border),
        cmocka_unit_test(thin_pictures_have_a_pyramid),
        cmocka_unit_test(an_inverse_takes_points_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
