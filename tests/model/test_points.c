/* Points go where the target's pixels go: crosses drawn at points, augmented as pictures are. */
#include <math.h>

#include "base/checked.h"
#include "data/draw_augment.h"
#include "data/points.h"
#include "model/augment.h"
#include "shim/shim.h"
#include "testing.h"

enum { SIDE = 64, SHOWN = 6, DRAWS = 24 };
static const int shown[SHOWN] = {POINT_CHIN,      POINT_LEFT_BROW,  POINT_NOSE_TIP,
                                 POINT_RIGHT_EYE, POINT_MOUTH_LEFT, POINT_PUPILS};

/* Where each point lies, in pixels; those not shown at the same places. */
static void place(float points[FACE_POINTS][2])
{
    for (int i = 0; i < FACE_POINTS; i++) {
        points[i][0] = 22.25f + (float)(i * 7 % 20);
        points[i][1] = 21.5f + (float)(i * 11 % 21);
    }
}

/* A cross of two soft bars of 7 pixels; its middle is the mean of its values' places. */
static void draw_cross(const float at[2], float *out)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float u = fabsf((float)x - at[0]), v = fabsf((float)y - at[1]);
            float along = fmaxf(u, v), across = fminf(u, v);
            float bar = expf(-across * across) * expf(-along * along / 8);
            for (int c = 0; c < 3; c++)
                out[(c * SIDE + y) * SIDE + x] = bar;
        }
}

static void find_cross(const float *picture, double out[2])
{
    double sum = 0;
    out[0] = out[1] = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        sum += (double)picture[i];
        out[0] += (double)picture[i] * (i % SIDE);
        out[1] += (double)picture[i] * (double)(i / SIDE);
    }
    out[0] /= sum;
    out[1] /= sum;
}

static void crosses_land_where_points_move(void **state)
{
    (void)state;
    struct errmsg em = {0};
    const struct augment_config strength = {
        .flip = .5, .rotate_deg = 25, .zoom = .15, .shift = .06, .warp = .05};
    const struct augment_course course = AUGMENT_NO_COURSE;
    const int64_t dims[] = {SHOWN, 3, SIDE, SIDE};
    static float pictures[SHOWN][3 * SIDE * SIDE], targets[SHOWN][3 * SIDE * SIDE];
    float points[FACE_POINTS][2];
    int flips = 0;
    place(points);
    for (int k = 0; k < SHOWN; k++)
        draw_cross(points[shown[k]], pictures[k]);
    for (uint64_t position = 0; position < DRAWS; position++) {
        struct augment_draw d = augment_draw_at(&strength, &course, 3, ORDER_PERSON_A, position),
                            all[SHOWN];
        struct shim_scope *s;
        place(points);
        points_normalise(points, SIDE);
        points_move(&d, points);
        points_to_pixels(points, SIDE);
        for (int k = 0; k < SHOWN; k++)
            all[k] = d;
        assert_ok(shim_scope_new("cpu", SHIM_F32, &s, &em));
        struct samples own = {.images = shim_from_memory(s, SHIM_F32, pictures, 4, dims)};
        struct augmented r = augment_apply(s, all, SHOWN, SIDE, own, own, NULL, NULL);
        shim_to_memory(s, r.target.images, SHIM_F32, targets, (size_t)SHOWN * 3 * SIDE * SIDE);
        assert_ok(shim_scope_check(s, &em));
        shim_scope_free(s);
        for (int k = 0; k < SHOWN; k++) {
            double at[2];
            int point = d.flip ? point_mirrored(shown[k]) : shown[k];
            find_cross(targets[k], at);
            assert_near(points[point][0], at[0], .1);
            assert_near(points[point][1], at[1], .1);
        }
        flips += d.flip;
    }
    assert_true(flips > 4 && flips < DRAWS - 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(crosses_land_where_points_move)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
