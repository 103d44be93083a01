/* The points of a face over time: a still face stays, a moving one is followed, a cut begins anew.
 */
#include "testing.h"

#include <math.h>

#include "base/philox.h"
#include "face_at.h"
#include "smooth.h"

enum { FRAMES = 100, SETTLED = 25 };
#define SIDE    FACE_AT_SIDE
#define FRAME_S 0.04

static struct smooth s;

/* Normal noise on all points. */
static void add_noise(struct face *f, double deviation, uint64_t frame)
{
    struct philox p = philox_at(7, PHILOX_FAULT, frame);
    for (int i = 0; i < FACE_MESH; i++)
        for (int c = 0; c < 2; c++)
            f->mesh[i][c] += deviation * (double)philox_normal(&p);
}

/* Root of the mean square of the distances to a face without noise, per coordinate. */
static double error_of(const struct face *f, const struct face *true_face)
{
    double squares = 0;
    for (int i = 0; i < FACE_MESH; i++)
        for (int c = 0; c < 2; c++)
            squares += pow(f->mesh[i][c] - true_face->mesh[i][c], 2);
    return sqrt(squares / (2 * FACE_MESH));
}

static void test_a_still_face_trembles_by_less_than_half_a_pixel(void **state)
{
    double noisy = 0, smoothed = 0, steps = 0;
    struct face before = {0};
    (void)state;
    s = (struct smooth){0};
    for (int k = 0; k < FRAMES; k++) {
        struct face still = face_at(300, 100), f = still;
        add_noise(&f, 1, (uint64_t)k);
        double error = error_of(&f, &still);
        smooth_face(&s, &f, k * FRAME_S);
        if (k >= SETTLED) {
            noisy = fmax(noisy, error);
            smoothed = fmax(smoothed, error_of(&f, &still));
            steps = fmax(steps, error_of(&f, &before));
        }
        before = f;
    }
    assert_near(noisy, 1, 0.1);
    assert_true(smoothed < 0.5);
    assert_true(steps < 0.5);
}

static void test_a_moving_face_is_followed(void **state)
{
    (void)state;
    s = (struct smooth){0};
    for (int k = 0; k < FRAMES; k++) {
        double x = SIDE * k * FRAME_S; /* its own width in a second */
        struct face moving = face_at(x, 0), f = moving;
        smooth_face(&s, &f, k * FRAME_S);
        if (k >= SETTLED)
            assert_true(error_of(&f, &moving) < 0.01 * SIDE);
    }
}

static void test_the_times_of_the_frames_count(void **state)
{
    struct face out[2];
    (void)state;
    for (int slow = 0; slow < 2; slow++) { /* half a side in 0.04 s is a jump; a hundredth is not */
        s = (struct smooth){0};
        struct face f = face_at(0, 0);
        smooth_face(&s, &f, 1);
        f = face_at(2, 0);
        smooth_face(&s, &f, slow ? 1.4 : 1.04);
        out[slow] = f;
    }
    struct face end = face_at(2, 0);
    assert_true(error_of(&out[1], &end) < error_of(&out[0], &end));
    assert_true(error_of(&out[0], &end) > 0.3);
}

static void test_a_cut_and_a_gap_begin_anew(void **state)
{
    (void)state;
    s = (struct smooth){0};
    struct face f = face_at(0, 0), wanted = face_at(0.6 * SIDE, 0);
    smooth_face(&s, &f, 0);
    f = wanted;
    smooth_face(&s, &f, 0.04);
    assert_near(error_of(&f, &wanted), 0, 0);
    wanted = face_at(0.6 * SIDE + 3, 0);
    f = wanted;
    smooth_face(&s, &f, 0.6);
    assert_near(error_of(&f, &wanted), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_still_face_trembles_by_less_than_half_a_pixel),
        cmocka_unit_test(test_a_moving_face_is_followed),
        cmocka_unit_test(test_the_times_of_the_frames_count),
        cmocka_unit_test(test_a_cut_and_a_gap_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
