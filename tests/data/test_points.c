/* Points: what follows from where they lie. */
#include "data/points.h"

#include <math.h>

#include "testing.h"

static void unknown(float points[FACE_POINTS][2])
{
    for (int i = 0; i < FACE_POINTS; i++)
        points[i][0] = points[i][1] = NAN;
}

static void put(float points[FACE_POINTS][2], int i, double x, double y)
{
    points[i][0] = (float)x;
    points[i][1] = (float)y;
}

/* A face of 100 pixels whose left and right are mirror images about x = 50, by all points. */
static void face(float points[FACE_POINTS][2])
{
    for (int i = 0; i <= 16; i++)
        put(points, i, 50 - 40 * cos(i * 3.14159265 / 16), 40 + 50 * sin(i * 3.14159265 / 16));
    for (int i = 0; i < 5; i++) {
        put(points, 17 + i, 15 + 6 * i, 25 + i % 3);
        put(points, 26 - i, 85 - 6 * i, 25 + i % 3);
        put(points, 31 + i, 42 + 4 * i, 65);
    }
    for (int i = 0; i < 4; i++)
        put(points, 27 + i, 50, 40 + 7 * i);
    static const double eye[6][2] = {
        {20, 40},
        {26, 36},
        {32, 36},
        {38, 40},
        {32, 44},
        {26, 44}
    };
    for (int i = 0; i < 6; i++) {
        put(points, 36 + i, eye[i][0], eye[i][1]);
        put(points, point_mirrored(36 + i), 100 - eye[i][0], eye[i][1]);
    }
    for (int i = 48; i < 68; i++) {
        double angle = i < 60 ? (i - 48) * 3.14159265 / 6 : (i - 60) * 3.14159265 / 4;
        double wide = i < 60 ? 20 : 14;
        put(points, i, 50 - wide * cos(angle), 80 - wide / 2 * sin(angle));
    }
    put(points, 68, 29, 40);
    put(points, 69, 71, 40);
}

static void mirrored_points_change_places_in_pairs(void **state)
{
    (void)state;
    static const int same[] = {8, 27, 28, 29, 30, 33, 51, 57, 62, 66};
    int n_same = 0;
    for (int i = 0; i < FACE_POINTS; i++) {
        assert_int_equal(point_mirrored(point_mirrored(i)), i);
        assert_string_equal(point_part(point_mirrored(i)), point_part(i));
        n_same += point_mirrored(i) == i;
    }
    assert_int_equal(n_same, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(point_mirrored(same[i]), same[i]);
    float points[FACE_POINTS][2];
    face(points); /* a face that looks the same in a mirror */
    for (int i = 0; i < FACE_POINTS; i++) {
        assert_near(points[point_mirrored(i)][0], 100 - points[i][0], 1e-4);
        assert_near(points[point_mirrored(i)][1], points[i][1], 1e-4);
    }
}

static void landmarks_are_derived(void **state)
{
    (void)state;
    float points[FACE_POINTS][2], five[SET_LANDMARKS][2];
    static const float wanted[SET_LANDMARKS][2] = {
        {29, 40},
        {71, 40},
        {50, 61},
        {30, 80},
        {70, 80}
    };
    face(points);
    points_landmarks((const float(*)[2])points, five);
    for (int i = 0; i < 10; i++)
        assert_near(five[i / 2][i % 2], wanted[i / 2][i % 2], 1e-4);
    put(points, 68, 31, 41);
    put(points, 40, NAN, NAN); /* then the eye is where its pupil is */
    put(points, 30, NAN, NAN);
    points_landmarks((const float(*)[2])points, five);
    assert_true(five[0][0] == 31 && five[0][1] == 41 && isnan(five[2][0]) && isnan(five[2][1]));
    assert_int_equal(points_known((const float(*)[2])points), 68);
    unknown(points);
    points_landmarks((const float(*)[2])points, five);
    for (int i = 0; i < 10; i++)
        assert_true(isnan(five[i / 2][i % 2]));
    assert_int_equal(points_known((const float(*)[2])points), 0);
}

static void landmarks_that_lie_elsewhere_are_named(void **state)
{
    (void)state;
    float points[FACE_POINTS][2], five[SET_LANDMARKS][2];
    face(points);
    points_landmarks((const float(*)[2])points, five);
    five[4][0] += 10; /* the unit is 42, the distance of the eyes */
    assert_int_equal(points_compare((const float(*)[2])points, (const float(*)[2])five).landmark,
                     -1);
    five[4][0] += 1;
    struct points_difference d = points_compare((const float(*)[2])points, (const float(*)[2])five);
    assert_int_equal(d.landmark, 4);
    assert_near(d.apart, 11, 1e-3);
    assert_near(d.unit, 42, 1e-3);
    assert_near(d.own[0], 70, 1e-3);
    assert_string_equal(landmark_name(4), "right mouth end");
    for (int i = 0; i < 5; i++)
        five[i][1] = NAN;
    assert_int_equal(points_compare((const float(*)[2])points, (const float(*)[2])five).landmark,
                     -1);
}

static void exchange(float points[FACE_POINTS][2], int first, int end)
{
    for (int i = first; i < end; i++)
        for (int axis = 0; axis < 2 && point_mirrored(i) > i; axis++) {
            float kept = points[i][axis];
            points[i][axis] = points[point_mirrored(i)][axis];
            points[point_mirrored(i)][axis] = kept;
        }
}

static void left_and_right_exchanged_are_found_at_any_angle(void **state)
{
    (void)state;
    static const struct {
        int first, end;
        const char *told;
    } all[] = {
        {0,  0,  NULL                },
        {0,  70, "sides of the jaw"  },
        {0,  17, "sides of the jaw"  },
        {17, 27, "brows"             },
        {27, 36, "nostrils"          },
        {36, 48, "eyes"              },
        {48, 68, "sides of the mouth"},
        {68, 70, "pupils"            },
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (int degrees = -180; degrees < 180; degrees += 30) {
            float points[FACE_POINTS][2];
            bool upside_down = true;
            struct augment_draw d = AUGMENT_NONE;
            d.rotate = (float)(degrees * 3.14159265 / 180);
            face(points);
            exchange(points, all[k].first, all[k].end);
            points_normalise(points, 100);
            points_move(&d, points);
            points_to_pixels(points, 100);
            const char *told = points_exchanged((const float(*)[2])points, &upside_down);
            if (!all[k].told)
                assert_null(told);
            else
                assert_string_equal(told, all[k].told);
            assert_true(!upside_down || all[k].told);
        }
}

static void little_is_enough_to_find_them_and_nothing_finds_nothing(void **state)
{
    (void)state;
    float points[FACE_POINTS][2];
    bool upside_down;
    unknown(points);
    assert_null(points_exchanged((const float(*)[2])points, &upside_down));
    put(points, 68, 70, 40);
    put(points, 69, 30, 40);
    assert_null(points_exchanged((const float(*)[2])points, &upside_down));
    put(points, 30, 50, 60);
    assert_string_equal(points_exchanged((const float(*)[2])points, &upside_down), "pupils");
    assert_false(upside_down);
    put(points, 68, 30, 60); /* y from the lower edge */
    put(points, 69, 70, 60);
    put(points, 30, 50, 40);
    assert_non_null(points_exchanged((const float(*)[2])points, &upside_down));
    assert_true(upside_down);
    face(points); /* from the side: left and right fall together, and a little beyond */
    for (int i = 0; i < FACE_POINTS; i++)
        points[i][0] = 50 - (points[i][0] - 50) * .03f;
    assert_null(points_exchanged((const float(*)[2])points, &upside_down));
}

static void a_flip_exchanges_and_keeps_what_is_unknown(void **state)
{
    (void)state;
    float points[FACE_POINTS][2];
    bool upside_down;
    struct augment_draw d = AUGMENT_NONE;
    face(points);
    for (int i = 0; i < FACE_POINTS; i++)
        points[i][0] += 7;
    put(points, 36, NAN, NAN);
    d.flip = true;
    points_normalise(points, 100);
    points_move(&d, points);
    points_to_pixels(points, 100);
    assert_true(isnan(points[45][0]) && isnan(points[45][1]) && !isnan(points[36][0]));
    assert_null(points_exchanged((const float(*)[2])points, &upside_down));
    assert_near(points[30][0], 99 - 57, 1e-3); /* the picture is turned round about 49.5 */
    assert_near(points[68][0], 99 - (71 + 7), 1e-3);
    assert_near(points[68][1], 40, 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mirrored_points_change_places_in_pairs),
        cmocka_unit_test(landmarks_are_derived),
        cmocka_unit_test(landmarks_that_lie_elsewhere_are_named),
        cmocka_unit_test(left_and_right_exchanged_are_found_at_any_angle),
        cmocka_unit_test(little_is_enough_to_find_them_and_nothing_finds_nothing),
        cmocka_unit_test(a_flip_exchanges_and_keeps_what_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
