/* How swaps follow their source pictures: measured, judged, and put in words. */
#include "follow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/philox.h"
#include "testing.h"

enum { SIZE = 64, PICTURES = 160, BYTES = SIZE * SIZE * 3 };

/* --- Two people that are painted from their points: B has A's face in other colours ------------
 */

static void put(float points[FACE_POINTS][2], int point, double x, double y)
{
    points[point][0] = (float)x;
    points[point][1] = (float)y;
}

static void draw_points(struct philox *r, float points[FACE_POINTS][2])
{
    float turn = philox_uniform(r, -6, 6), nod = philox_uniform(r, -5, 5);
    float brows = philox_uniform(r, -4, 4), mouth = philox_uniform(r, 0, 9);
    float lids = philox_uniform(r, 1, 4), gaze = philox_uniform(r, -3, 3);
    for (int k = 0; k < FACE_POINTS; k++)
        put(points, k, NAN, NAN);
    put(points, POINT_CHIN, 32, 60);
    put(points, POINT_NOSE_TIP, 32 + turn, 37 - nod);
    for (int side = 0; side < 2; side++) {
        int eye = side ? POINT_RIGHT_EYE : POINT_LEFT_EYE;
        double left = side ? 36 : 16, half[] = {0, -lids, -lids, 0, lids, lids};
        double along[] = {0, 4, 8, 12, 8, 4};
        for (int k = 0; k < 6; k++)
            put(points, eye + k, left + along[k], 24 + half[k]);
        for (int k = 0; k < 5; k++)
            put(points, POINT_LEFT_BROW + 5 * side + k, left + 3 * k, 14 - brows);
        put(points, POINT_PUPILS + side, left + 6 + gaze, 24);
    }
    put(points, POINT_MOUTH_LEFT, 24, 48);
    put(points, POINT_MOUTH_RIGHT, 40, 48);
    for (int k = 0; k < 3; k++) {
        put(points, POINT_INNER_LIPS + 1 + k, 28 + 4 * k, 47);
        put(points, POINT_INNER_LIPS + 7 - k, 28 + 4 * k, 47 + mouth);
    }
}

static void paint(uint8_t *picture, double left, double top, double right, double bottom, int red,
                  int green, int blue)
{
    for (int y = (int)lround(top); y <= (int)lround(bottom); y++)
        for (int x = (int)lround(left); x <= (int)lround(right); x++) {
            picture[3 * (y * SIZE + x)] = (uint8_t)red;
            picture[3 * (y * SIZE + x) + 1] = (uint8_t)green;
            picture[3 * (y * SIZE + x) + 2] = (uint8_t)blue;
        }
}

static void recolour(uint8_t *picture)
{
    for (int i = 0; i < BYTES; i += 3) {
        uint8_t red = picture[i];
        picture[i] = picture[i + 1];
        picture[i + 1] = picture[i + 2];
        picture[i + 2] = red;
    }
}

static void paint_face(float p[FACE_POINTS][2], int person, uint8_t *picture)
{
    paint(picture, 0, 0, SIZE - 1, SIZE - 1, 200, 150, 120);
    for (int eye = POINT_LEFT_EYE; eye <= POINT_RIGHT_EYE; eye += 6) {
        double left = p[eye][0], right = p[eye + 3][0];
        paint(picture, left, p[eye + 1][1], right, p[eye + 4][1], 250, 250, 250);
    }
    for (int side = 0; side < 2; side++) {
        const float *brow = p[POINT_LEFT_BROW + 5 * side], *pupil = p[POINT_PUPILS + side];
        const float *lid = p[side ? POINT_RIGHT_EYE + 1 : POINT_LEFT_EYE + 1];
        paint(picture, brow[0], brow[1] - 1, brow[0] + 12, brow[1] + 1, 60, 30, 20);
        paint(picture, pupil[0] - 1, lid[1], pupil[0] + 1, 48 - lid[1], 20, 40, 90);
    }
    const float *nose = p[POINT_NOSE_TIP];
    paint(picture, nose[0] - 2, nose[1] - 2, nose[0] + 2, nose[1] + 2, 150, 80, 60);
    paint(picture, 24, 46, 40, p[POINT_INNER_LIPS + 6][1] + 1, 160, 40, 50);
    if (person == 1)
        recolour(picture);
}

/* --- Sets ------------------------------------------------------------------------------------- */

static void open_set(int person, struct set **set, struct order **order)
{
    struct errmsg em = {0};
    struct set_writer *w;
    char path[PATH_BYTES_MAX], *folder = scratch_new();
    struct set_description d = {
        .n = PICTURES, .size = SIZE, .person = "x", .consent = "painted", .points = true};
    struct philox r = philox_at(3, PHILOX_POSE, (uint64_t)person);
    assert_true(path_join(path, sizeof path, folder, "x.h5"));
    assert_ok(set_writer_open(path, &d, &w, &em));
    for (int row = 0; row < d.n; row++) {
        static uint8_t image[BYTES];
        float points[FACE_POINTS][2];
        draw_points(&r, points);
        paint_face(points, person, image);
        const struct set_row data = {.name = "x",
                                     .image = image,
                                     .points = (const float(*)[2])points};
        assert_ok(set_writer_put(w, row, &data, &em));
    }
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
    assert_ok(set_open(path, set, &em));
    assert_ok(order_new(set_hashes(*set), PICTURES, .2, 5, (enum order_person)person, order, &em));
    free(folder);
}

static struct follow_source source;
static struct follow_reader *reader; /* of B's face */

static int open_people(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct augment_config augment = {0};
    for (int p = 0; p < 2; p++)
        open_set(p, &source.sets[p], &source.orders[p]);
    const struct loader_source pictures[2] = {
        {source.sets[0], source.orders[0]},
        {source.sets[1], source.orders[1]}
    };
    assert_ok(loader_new(pictures, &augment, 5, &source.loader, &em));
    source.size = SIZE;
    source.seed = 5;
    assert_ok(follow_reader_train(&source, MODEL_A, &reader, &em));
    return 0;
}

static int close_people(void **state)
{
    (void)state;
    follow_reader_free(reader);
    loader_free(source.loader);
    for (int p = 0; p < 2; p++) {
        order_free(source.orders[p]);
        set_free(source.sets[p]);
    }
    return 0;
}

/* --- Swaps ------------------------------------------------------------------------------------ */

enum how { PERFECT, MIRRORED, ALL_ALIKE };

static enum status swap(void *context, int person, const struct batch *b, uint8_t *swaps,
                        struct errmsg *em)
{
    (void)em;
    enum how how = *(enum how *)context;
    assert_int_equal(person, MODEL_A);
    for (size_t i = 0; i < b->n; i++) {
        uint8_t *out = swaps + i * BYTES;
        const uint8_t *in = b->images[person] + i * BYTES;
        for (int k = 0; k < BYTES / 3; k++) {
            int x = k % SIZE, from = how == MIRRORED ? k - x + SIZE - 1 - x : k;
            for (int c = 0; c < 3; c++)
                out[3 * k + c] = how == ALL_ALIKE ? 100 : in[3 * from + c];
        }
        recolour(out);
    }
    return ST_OK;
}

static struct follow measure(enum how how)
{
    struct errmsg em = {0};
    struct follow f;
    source.swap = swap;
    source.context = &how;
    assert_true(follow_is_possible(&source, MODEL_A));
    assert_ok(follow_measure(&source, MODEL_A, reader, &f, &em));
    for (int q = 0; q < POSE_QUANTITIES; q++) {
        assert_true(f.of[q].reader > .8 && f.of[q].n == PICTURES / 5.);
        assert_true(isnan(f.of[q].true_swap)); /* the sets have none */
    }
    return f;
}

static void a_perfect_swap_follows(void **state)
{
    (void)state;
    struct follow f = measure(PERFECT), both[2] = {f};
    follow_clear(&both[1]);
    double mean = 0;
    for (int q = 0; q < POSE_QUANTITIES; q++) {
        assert_true(f.of[q].swap > .8);
        assert_int_equal(follow_judge(&f.of[q]), FOLLOW_WELL);
        mean += f.of[q].swap / POSE_QUANTITIES;
    }
    assert_near(follow_mean(both), mean, 1e-9);
    assert_null(follow_words(&f, MODEL_A));
}

static void a_mirrored_swap_is_named(void **state)
{
    (void)state;
    struct follow f = measure(MIRRORED);
    for (int q = 0; q < POSE_QUANTITIES; q++)
        assert_true(pose_quantity_is_sideways(q) ? f.of[q].swap < -.8 : f.of[q].swap > .8);
    char *words = follow_words(&f, MODEL_A), wanted[128];
    snprintf(wanted, sizeof wanted,
             "B's head turns the other way (r of yaw %.2f), B's gaze goes the other way (r of gaze "
             "%.2f)",
             f.of[POSE_YAW].swap, f.of[POSE_GAZE].swap);
    assert_string_equal(words, wanted);
    free(words);
}

static void swaps_that_are_all_alike_do_not_follow(void **state)
{
    (void)state;
    struct follow f = measure(ALL_ALIKE);
    for (int q = 0; q < POSE_QUANTITIES; q++)
        assert_true(fabs(f.of[q].swap) < 1e-3);
    char *words = follow_words(&f, MODEL_A);
    assert_text_has(words, "B's head does not turn with A's (r of yaw ");
    assert_text_has(words, "B's brows do not follow A's (r of brows ");
    free(words);
}

/* Under a sanitizer, which has nothing to say here, it would be the slowest of all tests. */
#ifndef __SANITIZE_ADDRESS__
static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct follow_reader *other;
    struct follow f = measure(PERFECT), g;
    enum how how = PERFECT;
    model_runtime_configure(2, false);
    assert_ok(follow_reader_train(&source, MODEL_A, &other, &em));
    assert_int_equal(model_runtime_threads(), 2); /* as it was */
    source.context = &how;
    assert_ok(follow_measure(&source, MODEL_A, other, &g, &em));
    for (int q = 0; q < POSE_QUANTITIES; q++)
        assert_true(f.of[q].swap == g.of[q].swap && f.of[q].reader == g.of[q].reader);
    follow_reader_free(other);
}
#endif

/* --- Judging ---------------------------------------------------------------------------------- */

static void a_swap_is_judged_by_what_its_reader_can_do(void **state)
{
    (void)state;
    static const struct {
        double swap, reader, n, n_reader;
        enum follow_verdict verdict;
    } cases[] = {
        {.9,   .95, 50, 50, FOLLOW_WELL    },
        {.5,   .95, 50, 50, FOLLOW_LOST    },
        {.5,   .8,  50, 50, FOLLOW_WELL    },
        {.9,   .4,  50, 50, FOLLOW_UNKNOWN },
        {.9,   .6,  50, 50, FOLLOW_UNKNOWN }, /* may be by chance of one that cannot */
        {.9,   .7,  50, 50, FOLLOW_WELL    },
        {.9,   .7,  50, 11, FOLLOW_UNKNOWN },
        {.9,   .9,  50, 11, FOLLOW_WELL    },
        {.9,   .9,  50, 3,  FOLLOW_UNKNOWN },
        {-.9,  .4,  50, 50, FOLLOW_UNKNOWN },
        {-.9,  NAN, 50, 50, FOLLOW_UNKNOWN },
        {NAN,  .9,  50, 50, FOLLOW_UNKNOWN },
        {-.29, .9,  50, 50, FOLLOW_LOST    },
        {-.31, .9,  50, 50, FOLLOW_MIRRORED},
        {-.31, .9,  20, 50, FOLLOW_LOST    }, /* so few say nothing about the sign */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct follow_quantity q = {.swap = cases[i].swap,
                                    .reader = cases[i].reader,
                                    .n = cases[i].n,
                                    .n_reader = cases[i].n_reader};
        assert_int_equal(follow_judge(&q), cases[i].verdict);
    }
}

static void too_few_pictures_are_not_measured(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct follow_source few = source;
    assert_true(follow_is_possible(&few, MODEL_B));
    few.orders[1] = NULL;
    assert_ok(
        order_new(set_hashes(few.sets[1]), PICTURES, .9, 5, ORDER_PERSON_B, &few.orders[1], &em));
    assert_false(follow_is_possible(&few, MODEL_A)); /* nothing to learn B from */
    assert_true(follow_is_possible(&few, MODEL_B));
    order_free(few.orders[1]);
    assert_ok(
        order_new(set_hashes(few.sets[1]), PICTURES, 0, 5, ORDER_PERSON_B, &few.orders[1], &em));
    assert_false(follow_is_possible(&few, MODEL_A)); /* nothing shows what the reader can do */
    assert_false(follow_is_possible(&few, MODEL_B)); /* no source pictures */
    few.all[1] = true;
    assert_true(follow_is_possible(&few, MODEL_B));
    order_free(few.orders[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_swap_follows),
        cmocka_unit_test(a_mirrored_swap_is_named),
        cmocka_unit_test(swaps_that_are_all_alike_do_not_follow),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(threads_do_not_change_a_bit),
#endif
        cmocka_unit_test(a_swap_is_judged_by_what_its_reader_can_do),
        cmocka_unit_test(too_few_pictures_are_not_measured),
    };
    return cmocka_run_group_tests(tests, open_people, close_people);
}
