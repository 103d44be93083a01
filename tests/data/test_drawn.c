#include "data/drawn.h"

#include <math.h>

#include "data/points.h"
#include "data/pose.h"

#include "testing.h"

static struct drawn_face draw(int size, uint64_t seed, bool loose, int person, uint64_t index)
{
    struct errmsg em = {0};
    struct drawn_options o = {.size = size, .seed = seed, .loose = loose};
    struct drawn_face f = {0};
    assert_ok(drawn_face_draw(&o, person, index, &f, &em));
    assert_int_equal(f.image.width, size);
    assert_int_equal(f.image.height, size);
    assert_int_equal(f.truth.width, size);
    return f;
}

static size_t bytes_of(const struct picture *p)
{
    return (size_t)p->width * (size_t)p->height * 3;
}

/* Mean difference of two pictures over the pixels of the mask (NULL: all), in levels of 255. */
static double difference(const struct picture *a, const struct picture *b, const uint8_t *mask)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < bytes_of(a); i++) {
        double weight = mask ? mask[i / 3] / 255.0 : 1.0;
        sum += weight * fabs((double)a->rgb[i] - b->rgb[i]);
        n += weight;
    }
    return sum / n;
}

static void same_arguments_give_same_bytes(void **state)
{
    (void)state;
    struct drawn_face a = draw(64, 5, false, 0, 3), b = draw(64, 5, false, 0, 3);
    assert_memory_equal(a.image.rgb, b.image.rgb, bytes_of(&a.image));
    assert_memory_equal(a.truth.rgb, b.truth.rgb, bytes_of(&a.truth));
    assert_memory_equal(a.mask, b.mask, 64 * 64);
    assert_memory_equal(a.landmarks, b.landmarks, sizeof a.landmarks);
    drawn_face_release(&b);

    b = draw(64, 5, false, 0, 4);
    assert_true(difference(&a.image, &b.image, NULL) > 5);
    drawn_face_release(&b);
    b = draw(64, 6, false, 0, 3);
    assert_true(difference(&a.image, &b.image, NULL) > 5);
    drawn_face_release(&b);
    b = draw(64, 5, false, 1, 3); /* the scenes of the two people differ */
    assert_true(difference(&a.truth, &b.image, NULL) > 5);
    drawn_face_release(&b);
    drawn_face_release(&a);
}

static void eyes_lie_where_an_extractor_puts_them(void **state)
{
    (void)state;
    const double width = 96;
    for (int person = 0; person < 2; person++) {
        for (uint64_t i = 0; i < 24; i++) {
            struct drawn_face f = draw(96, 1, false, person, i);
            double left = f.landmarks[0][0] / width, right = f.landmarks[1][0] / width;
            assert_true(fabs((left + right) / 2 - .5) < .04);
            assert_true(right - left > .24 && right - left < .36);
            assert_true(fabs(f.landmarks[0][1] / width - .42) < .045);
            assert_true(fabs(f.landmarks[1][1] / width - .42) < .045);
            /* nose below the eyes, mouth below the nose, left of right */
            assert_true(f.landmarks[2][1] > f.landmarks[0][1] + 5);
            assert_true(f.landmarks[3][1] > f.landmarks[2][1]);
            assert_true(f.landmarks[4][0] > f.landmarks[3][0] + 5);
            drawn_face_release(&f);
        }
    }
}

static void loose_pictures_are_not_cut_to_the_eyes(void **state)
{
    (void)state;
    double low = 1e9, high = -1e9, near = 0, far = 1e9; /* left eye's place; eye distances */
    for (uint64_t i = 0; i < 16; i++) {
        struct drawn_face f = draw(64, 1, true, 0, i);
        double eyes = (f.landmarks[1][0] - f.landmarks[0][0]) / 64.0;
        assert_true(eyes < .24); /* the whole head is in the picture */
        near = fmax(near, eyes);
        far = fmin(far, eyes);
        low = fmin(low, f.landmarks[0][0] / 64.0);
        high = fmax(high, f.landmarks[0][0] / 64.0);
        drawn_face_release(&f);
    }
    assert_true(high - low > .1);
    assert_true(near > 1.35 * far);
}

/* In the pictures of one quantity it rises, and its range is the largest there. */
static void in_a_series_one_quantity_changes(void **state)
{
    (void)state;
    double range[POSE_QUANTITIES][POSE_QUANTITIES]; /* NaN: the gaze of shut eyes */
    for (int changed = 0; changed < POSE_QUANTITIES; changed++) {
        double first[POSE_QUANTITIES] = {0}, last[POSE_QUANTITIES] = {0}, now[POSE_QUANTITIES];
        for (int i = 0; i < DRAWN_SERIES; i += DRAWN_SERIES / 2) {
            struct errmsg em = {0};
            struct drawn_options o = {.size = 64, .seed = 1, .series = true};
            struct drawn_face f = {0};
            assert_ok(drawn_face_draw(&o, 0, (uint64_t)(changed * DRAWN_SERIES + i), &f, &em));
            pose_quantities_of((const float(*)[2])f.points, now);
            assert_true(i == 0 || now[changed] > last[changed]);
            memcpy(i == 0 ? first : last, now, sizeof now);
            if (i == 0)
                memcpy(last, now, sizeof now);
            drawn_face_release(&f);
        }
        for (int q = 0; q < POSE_QUANTITIES; q++)
            range[changed][q] = fabs(last[q] - first[q]);
    }
    for (int changed = 0; changed < POSE_QUANTITIES; changed++)
        for (int q = 0; q < POSE_QUANTITIES; q++)
            assert_false(q != changed && 2 * range[q][changed] >= range[changed][changed]);
}

static int mask_at(const struct drawn_face *f, float x, float y)
{
    return f->mask[lroundf(y) * f->image.width + lroundf(x)];
}

static void points_belong_to_the_landmarks(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 48; i++) {
        struct drawn_face f = draw(64, 1 + i / 16, i % 3 == 0, (int)(i % 2), i);
        bool upside_down;
        const float(*points)[2] = (const float(*)[2])f.points;
        assert_int_equal(points_known(points), FACE_POINTS);
        assert_null(points_exchanged(points, &upside_down));
        assert_int_equal(points_compare(points, (const float(*)[2])f.landmarks).landmark, -1);
        assert_memory_equal(f.points[POINT_NOSE_TIP], f.landmarks[2], sizeof f.landmarks[2]);
        for (int axis = 0; axis < 2; axis++) {
            assert_near(f.points[POINT_MOUTH_LEFT][axis], f.landmarks[3][axis], .01);
            assert_near(f.points[POINT_MOUTH_RIGHT][axis], f.landmarks[4][axis], .01);
        }
        drawn_face_release(&f);
    }
}

/* Mean of the three colours at a point. */
static int grey_at(const struct drawn_face *f, const float point[2])
{
    long at = lroundf(point[1]) * f->image.width + lroundf(point[0]);
    const uint8_t *rgb = f->image.rgb + 3 * at;
    return (rgb[0] + rgb[1] + rgb[2]) / 3;
}

/* A pupil may hold a reflection beside its middle. */
static int darkest_about(const struct drawn_face *f, const float point[2])
{
    int least = 255;
    for (int k = 0; k < 9; k++) {
        const float near[2] = {point[0] + (float)(k % 3 - 1), point[1] + (float)(k / 3 - 1)};
        int grey = grey_at(f, near);
        least = grey < least ? grey : least;
    }
    return least;
}

/* Pupils are black where the eye is open, and between the edges of open lips are teeth, tongue or
 * the dark: nothing like the skin of the chin below. */
static void points_lie_on_what_they_name(void **state)
{
    (void)state;
    int eyes = 0, mouths = 0;
    for (uint64_t i = 0; i < 24; i++) {
        struct drawn_face f = draw(192, 1, false, (int)(i % 2), i);
        for (int right = 0; right < 2; right++) {
            const float(*eye)[2] = (const float(*)[2])f.points + (right ? 42 : 36);
            if (eye[4][1] - eye[2][1] < 10)
                continue;
            eyes++;
            assert_true(darkest_about(&f, f.points[POINT_PUPILS + right]) < 45);
            assert_true(mask_at(&f, eye[0][0], eye[0][1]) > 0);
        }
        const float *high = f.points[62], *low = f.points[66], *lip = f.points[57];
        if (low[1] - high[1] > 8) {
            const float inside[2] = {low[0], low[1] - 3}, below[2] = {lip[0], lip[1] + 4};
            mouths++;
            assert_true(abs(grey_at(&f, inside) - grey_at(&f, below)) > 15);
        }
        drawn_face_release(&f);
    }
    assert_true(eyes > 20 && mouths > 3);
}

static int mask_at_landmark(const struct drawn_face *f, int i)
{
    return mask_at(f, f->landmarks[i][0], f->landmarks[i][1]);
}

/* High on the forehead: from the nose through the middle of the eyes, and as far again. */
static int mask_at_forehead(const struct drawn_face *f)
{
    float at[2];
    for (int axis = 0; axis < 2; axis++) {
        float middle = (f->landmarks[0][axis] + f->landmarks[1][axis]) / 2;
        at[axis] = middle + 2.0f * (middle - f->landmarks[2][axis]);
    }
    return at[1] < 0 ? 0 : mask_at(f, at[0], at[1]);
}

static void mask_covers_the_face(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 16; i++) {
        struct drawn_face f = draw(96, 2, false, (int)(i % 2), i);
        double sum = 0;
        for (size_t k = 0; k < 96 * 96; k++)
            sum += f.mask[k] / 255.0;
        assert_true(sum > .12 * 96 * 96 && sum < .6 * 96 * 96);
        assert_true(mask_at_landmark(&f, 2) > 250);
        assert_true(mask_at_landmark(&f, 3) > 200 && mask_at_landmark(&f, 4) > 200);
        assert_int_equal(mask_at_forehead(&f), 0);
        assert_int_equal(f.mask[0], 0);
        assert_int_equal(f.mask[95], 0);
        assert_int_equal(f.mask[96 * 96 - 1], 0);
        drawn_face_release(&f);
    }
}

static void truth_is_the_other_person_in_the_same_place(void **state)
{
    (void)state;
    struct drawn_face f = draw(128, 1, true, 0, 0);
    /* background: the same pixels */
    for (size_t x = 0; x < 8; x++)
        assert_memory_equal(f.image.rgb + x * 128 * 3, f.truth.rgb + x * 128 * 3, 8 * 3);
    assert_true(difference(&f.image, &f.truth, f.mask) > 8);
    assert_string_not_equal(drawn_person_name(1, 0), drawn_person_name(1, 1));
    assert_string_equal(drawn_person_name(1, 0), drawn_person_name(1, 0));
    drawn_face_release(&f);
}

static void size_changes_the_grain_and_nothing_else(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct drawn_face small = draw(128, 3, false, 1, 7), large = draw(512, 3, false, 1, 7);
    struct picture shrunk;
    assert_ok(picture_resize(&large.image, 128, 128, &shrunk, &em));
    assert_true(difference(&small.image, &shrunk, NULL) < 2.5);
    for (int i = 0; i < SET_LANDMARKS; i++)
        for (int axis = 0; axis < 2; axis++)
            assert_true(fabs((large.landmarks[i][axis] + .5) / 4 - .5 - small.landmarks[i][axis]) <
                        .01);
    picture_release(&shrunk);
    drawn_face_release(&large);
    drawn_face_release(&small);
    large = draw(DRAWN_SIZE_MAX, 3, false, 0, 0);
    drawn_face_release(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_arguments_give_same_bytes),
        cmocka_unit_test(eyes_lie_where_an_extractor_puts_them),
        cmocka_unit_test(loose_pictures_are_not_cut_to_the_eyes),
        cmocka_unit_test(in_a_series_one_quantity_changes),
        cmocka_unit_test(mask_covers_the_face),
        cmocka_unit_test(points_belong_to_the_landmarks),
        cmocka_unit_test(points_lie_on_what_they_name),
        cmocka_unit_test(truth_is_the_other_person_in_the_same_place),
        cmocka_unit_test(size_changes_the_grain_and_nothing_else),
    };
    if (!drawn_available())
        return 77; /* built without cairo */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
