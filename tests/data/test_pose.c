/* Pose codes: standardised points, and the signs of what they say. */
#include "data/pose.h"

#include "data/draw_augment.h"

#include <math.h>

#include "base/file.h"
#include "base/philox.h"
#include "data/drawn.h"
#include "data/set.h"
#include "testing.h"

enum { N = 240 };

static float faces[N][FACE_POINTS][2];
static struct pose_gaps gaps;

/* A normalised face that mirrors itself, each coordinate off by a normal number of its own size. */
static void setup_faces(void)
{
    for (int i = 0; i < N; i++) {
        struct philox r = philox_at(7, PHILOX_POSE, (uint64_t)i);
        for (int k = 0; k < FACE_POINTS; k++)
            for (int axis = 0; axis < 2; axis++) {
                float at = axis == 0 ? .4f * (float)point_side(k) : .01f * (float)k;
                float size = .02f + .001f * (float)(point_mirrored(k) < k ? point_mirrored(k) : k);
                faces[i][k][axis] = at + size * (float)philox_normal(&r);
            }
    }
}

static struct pose_scale scale_of(int n)
{
    struct errmsg em = {0};
    struct pose_scale s;
    assert_ok(pose_scale_of((const float(*)[FACE_POINTS][2])faces, (size_t)n, &s, &gaps, &em));
    return s;
}

static void z_is_about_0_and_1_wide(void **state)
{
    (void)state;
    setup_faces();
    struct pose_scale s = scale_of(N);
    assert_true(gaps.unknown.n == 0 && gaps.constant.n == 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        struct pose_code code = pose_standardise(&s, (const float(*)[2])faces[i]);
        for (int k = 0; k < 2 * FACE_POINTS; k++) {
            double z = (double)code.z[k / 2][k % 2];
            sum += z;
            squares += z * z;
        }
    }
    /* y is .01 k, and its points' mirror images have another k */
    assert_near(sum / (140 * N), 0, .05);
    for (int k = 0; k < FACE_POINTS; k++) {
        int m = point_mirrored(k);
        assert_near(s.mean[k][0], .4 * point_side(k), .02);
        assert_near(s.mean[k][0], -s.mean[m][0], 1e-6);
        assert_near(s.mean[k][1], s.mean[m][1], 1e-6);
        assert_near(s.deviation[k][0], s.deviation[m][0], 1e-6);
        double size = .02 + .001 * (m < k ? m : k);
        assert_near(s.deviation[k][0] / size, 1, .15);
    }
    assert_near(squares / (140 * N), 1, .1);
}

static void order_does_not_matter_and_mirror_images_count(void **state)
{
    (void)state;
    setup_faces();
    struct pose_scale s = scale_of(N), other;
    for (int i = 0; i < N / 2; i++)
        for (int k = 0; k < 2 * FACE_POINTS; k++) {
            float kept = faces[i][k / 2][k % 2];
            faces[i][k / 2][k % 2] = faces[N - 1 - i][k / 2][k % 2];
            faces[N - 1 - i][k / 2][k % 2] = kept;
        }
    other = scale_of(N);
    assert_memory_equal(&s, &other, sizeof s);
    struct augment_draw flip = AUGMENT_NONE;
    flip.flip = true;
    for (int i = 0; i < N; i++)
        points_move(&flip, faces[i]);
    other = scale_of(N);
    assert_memory_equal(&s, &other, sizeof s);
}

static void a_few_wild_points_change_little(void **state)
{
    (void)state;
    setup_faces();
    struct pose_scale s = scale_of(N), other;
    for (int i = 0; i < 4; i++)
        faces[50 * i][40][0] = faces[50 * i][40][1] = 30;
    other = scale_of(N);
    for (int axis = 0; axis < 2; axis++) {
        assert_near(other.deviation[40][axis] / s.deviation[40][axis], 1, .1);
        assert_near(other.mean[40][axis], s.mean[40][axis], .1 * (double)s.deviation[40][axis]);
    }
    struct pose_code code = pose_standardise(&other, (const float(*)[2])faces[0]);
    assert_true(code.z[40][0] == POSE_Z_MAX && code.z[39][0] < POSE_Z_MAX);
}

static void what_is_unknown_or_constant_is_named_and_0(void **state)
{
    (void)state;
    setup_faces();
    for (int i = 0; i < N; i++) {
        faces[i][69][0] = NAN;                    /* known in no picture */
        faces[i][30][1] = .25f;                   /* the same in all */
        faces[i][30][0] = (float)(i % 2) * 1e-4f; /* as good as the same */
    }
    faces[3][0][1] = NAN;
    struct pose_scale s = scale_of(N);
    assert_int_equal(gaps.unknown.n, 0); /* its mirror image, point 68, is known */
    assert_int_equal(gaps.constant.n, 2);
    assert_string_equal(name_list_text(&gaps.constant),
                        "x of point 30 (nose), y of point 30 (nose)");
    assert_true(s.deviation[30][0] == 0 && s.deviation[30][1] == 0);
    struct pose_code code = pose_standardise(&s, (const float(*)[2])faces[3]);
    for (int k = 0; k < FACE_POINTS; k++)
        for (int axis = 0; axis < 2; axis++) {
            bool known = k != 30 && k != 69 && k != 0;
            assert_true(code.known[k][axis] == (known ? 1 : 0) && (code.z[k][axis] != 0) == known);
        }
    for (int i = 0; i < N; i++)
        faces[i][68][1] = NAN;
    s = scale_of(N);
    assert_string_equal(name_list_text(&gaps.unknown),
                        "x of point 68 (pupil), y of point 68 (pupil), x of point 69 (pupil), "
                        "y of point 69 (pupil)");
    assert_true(s.deviation[68][0] == 0 && s.mean[68][0] == 0);
}

/* --- sets ------------------------------------------------------------------------------------- */

static void open_set(bool points, struct set **set, struct order **order)
{
    struct errmsg em = {0};
    struct set_writer *w;
    char path[PATH_BYTES_MAX], *folder = scratch_new();
    struct set_description d = {
        .n = 9, .size = 100, .person = "x", .consent = "drawn", .points = points};
    static uint8_t image[100 * 100 * 3];
    assert_true(path_join(path, sizeof path, folder, "x.h5"));
    assert_ok(set_writer_open(path, &d, &w, &em));
    for (int row = 0; row < d.n; row++) {
        float pixels[FACE_POINTS][2];
        memcpy(pixels, faces[row], sizeof pixels);
        points_to_pixels(pixels, 100);
        image[0] = (uint8_t)row;
        const struct set_row data = {.name = "x",
                                     .image = image,
                                     .points = (const float(*)[2])pixels};
        assert_ok(set_writer_put(w, row, &data, &em));
    }
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
    assert_ok(set_open(path, set, &em));
    assert_ok(order_new(set_hashes(*set), 9, .3, 5, ORDER_PERSON_A, order, &em));
    free(folder);
}

/* The scale of n of a set's training pictures, compared with that of their faces. */
static struct pose_scale measure(struct set *set, const struct order *order, int64_t n)
{
    struct errmsg em = {0};
    struct pose_scale s, wanted;
    float kept[9][FACE_POINTS][2];
    assert_ok(pose_scale_measure(set, order, n, NULL, &s, &gaps, &em));
    const size_t wrong = gaps.wrong.n;
    memcpy(kept, faces, sizeof kept);
    for (int64_t i = 0; i < n; i++)
        memcpy(faces[i], kept[order_train_row(order, i * order_train_count(order) / n)],
               sizeof faces[i]);
    wanted = scale_of((int)n);
    for (int k = 0; k < 2 * FACE_POINTS; k++) {
        assert_near(s.mean[k / 2][k % 2], wanted.mean[k / 2][k % 2], 1e-5);
        assert_near(s.deviation[k / 2][k % 2], wanted.deviation[k / 2][k % 2], 1e-5);
    }
    memcpy(faces, kept, sizeof kept);
    gaps.wrong.n = wrong; /* scale_of knows of none */
    return s;
}

static void training_pictures_count_and_others_do_not(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct set *set;
    struct order *order;
    setup_faces();
    open_set(true, &set, &order);
    assert_true(order_train_count(order) < 9);
    struct pose_scale s = measure(set, order, order_train_count(order));
    /* a flipped picture: x turned round, left for right */
    struct pose_code own, flipped;
    struct augment_draw d = AUGMENT_NONE;
    assert_ok(pose_read(set, 4, &d, &s, &own, &em));
    d.flip = true;
    assert_ok(pose_read(set, 4, &d, &s, &flipped, &em));
    for (int k = 0; k < FACE_POINTS; k++) {
        assert_near(flipped.z[k][0], -own.z[point_mirrored(k)][0], 1e-3);
        assert_near(flipped.z[k][1], own.z[point_mirrored(k)][1], 1e-3);
    }
    order_free(order);
    set_free(set);
}

/* Mean of z squared over many draws of the training pictures. */
static double mean_square(struct set *set, const struct order *order, const struct pose_draws *d,
                          const struct pose_scale *s)
{
    struct errmsg em = {0};
    const struct augment_course course = AUGMENT_NO_COURSE;
    double sum = 0;
    int n = 0;
    for (uint64_t i = 0; i < 500; i++) {
        struct augment_draw draw = augment_draw_at(d->strength, &course, 77, d->person, i);
        struct pose_code code;
        int64_t row = order_train_row(order, (int64_t)i % order_train_count(order));
        assert_ok(pose_read(set, row, &draw, s, &code, &em));
        for (int k = 0; k < 2 * FACE_POINTS; k++) {
            sum += pow(code.z[k / 2][k % 2], 2);
            n += code.known[k / 2][k % 2] > 0;
        }
    }
    return sum / n;
}

static void z_is_1_wide_whatever_the_augmentation(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct set *set;
    struct order *order;
    const struct augment_config strength = {.flip = 0.5,
                                            .rotate_deg = 20,
                                            .zoom = 0.1,
                                            .shift = 0.1};
    const struct pose_draws draws = {&strength, 5, ORDER_PERSON_A};
    struct pose_scale still, moved;
    setup_faces();
    for (int row = 0; row < 9; row++)
        faces[row][12][1] = faces[row][point_mirrored(12)][1] = 0.25f; /* the same in all */
    open_set(true, &set, &order);
    assert_ok(pose_scale_measure(set, order, 9, NULL, &still, &gaps, &em));
    assert_ok(pose_scale_measure(set, order, 9, &draws, &moved, &gaps, &em));
    assert_near(mean_square(set, order, &draws, &moved), 1, 0.25);
    assert_true(mean_square(set, order, &draws, &still) > 2);
    assert_true(still.deviation[12][1] == 0 && moved.deviation[12][1] == 0);
    assert_memory_equal(&gaps.still, &still, sizeof still);
    const struct augment_config no_moves = {.flip = 0.5, .warp = 0.1};
    const struct pose_draws only_others = {&no_moves, 5, ORDER_PERSON_A};
    assert_ok(pose_scale_measure(set, order, 9, &only_others, &moved, &gaps, &em));
    assert_memory_equal(&moved, &still, sizeof still);
    order_free(order);
    set_free(set);
}

static void both_people_get_one_deviation(void **state)
{
    (void)state;
    struct pose_scale scales[2] = {0};
    for (int i = 0; i < FACE_POINTS; i++)
        for (int axis = 0; axis < 2; axis++) {
            scales[0].deviation[i][axis] = 0.02f;
            scales[1].deviation[i][axis] = 0.08f;
            scales[1].mean[i][axis] = 1;
        }
    scales[1].deviation[7][0] = 0; /* not known */
    assert_near(pose_scales_ratio(&scales[0], &scales[1]), 0.25, 1e-6);
    pose_scales_join(scales);
    for (int p = 0; p < 2; p++) {
        assert_near(scales[p].deviation[3][1], 0.04, 1e-6);
        assert_near(scales[p].mean[3][1], p, 0);
    }
    assert_near(scales[0].deviation[7][0], 0.02, 1e-7);
    assert_near(scales[1].deviation[7][0], 0, 0);
    const struct pose_scale nothing[2] = {0};
    assert_near(pose_scales_ratio(&nothing[0], &nothing[1]), 1, 0);
}

static void of_many_pictures_evenly_spaced_ones_count(void **state)
{
    (void)state;
    struct set *set;
    struct order *order;
    setup_faces();
    open_set(true, &set, &order);
    assert_int_equal(order_train_count(order), 6);
    measure(set, order, 4); /* pictures 0, 1, 3 and 4 */
    assert_int_equal(gaps.wrong.n, 0);
    for (int k = 0; k < FACE_POINTS; k++) /* left for right, in a picture that is left out */
        faces[order_train_row(order, 5)][k][0] *= -1;
    order_free(order);
    set_free(set);
    open_set(true, &set, &order);
    measure(set, order, 4);
    assert_int_equal(gaps.wrong.n, 1);
    order_free(order);
    set_free(set);
}

static void sets_that_say_nothing_are_refused(void **state)
{
    (void)state;
    static const char *const told[] = {
        "has no points: pack the folder with points.csv",
        "no point is known in any of 6 training pictures",
        "the points are the same in 6 training pictures",
        "in 6 of 6 training pictures with points most points lie outside",
        "left and right are exchanged: left is the picture's left",
        "the mouth lies above the eyes: give y from the upper edge"};
    for (int k = 0; k < 6; k++) {
        struct errmsg em = {0};
        struct set *set;
        struct order *order;
        struct pose_scale s;
        struct pose_code code;
        struct augment_draw d = AUGMENT_NONE;
        setup_faces();
        for (int i = 0; i < N * FACE_POINTS * 2; i++) {
            float *at = &faces[0][0][0] + i;
            if (k == 1 || k == 2) /* the same points, which their mirror images are not */
                *at = k == 1 ? NAN : faces[0][i / 2 % FACE_POINTS][i % 2];
            else if (k > 2) /* half the size, since y is .01 times the point's number */
                *at *= k == 3 ? 3.f : (k == 4) == (i % 2 == 0) ? -.5f : .5f;
        }
        open_set(k > 0, &set, &order);
        assert_status(pose_scale_measure(set, order, N, NULL, &s, &gaps, &em), ST_DATA);
        assert_text_has(em.text, "x.h5");
        assert_text_has(em.text, told[k]);
        if (k == 0) {
            assert_ok(pose_read(set, 0, &d, &s, &code, &em));
            assert_memory_equal(&code, &(struct pose_code){0}, sizeof code);
        }
        order_free(order);
        set_free(set);
    }
}

/* --- signs ------------------------------------------------------------------------------------ */

static double correlation(const double *a, const double *b, int n)
{
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ma += a[i] / n;
        mb += b[i] / n;
    }
    for (int i = 0; i < n; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

static void heads_turn_right_up_and_clockwise(void **state)
{
    (void)state;
    enum { DRAWN = 24 };
    struct errmsg em = {0};
    struct drawn_options o = {.size = 64, .seed = 1, .loose = true};
    double said[3][DRAWN], drawn[3][DRAWN];
    if (!drawn_available())
        skip();
    for (int i = 0; i < DRAWN; i++) {
        struct drawn_face f;
        assert_ok(drawn_face_draw(&o, 0, (uint64_t)i, &f, &em));
        struct pose_turn t = pose_turn_of((const float(*)[2])f.points);
        said[0][i] = t.yaw, said[1][i] = t.pitch, said[2][i] = t.roll;
        drawn[0][i] = (double)f.pose.yaw;
        drawn[1][i] = (double)f.pose.pitch;
        drawn[2][i] = (double)f.pose.roll;
        assert_true(fabs(t.roll - drawn[2][i]) < .1);
        drawn_face_release(&f);
    }
    for (int k = 0; k < 3; k++)
        assert_true(correlation(said[k], drawn[k], DRAWN) > .9);
    float points[FACE_POINTS][2] = {{0}};
    points[POINT_NOSE_TIP][0] = NAN;
    assert_true(isnan(pose_turn_of((const float(*)[2])points).yaw));
}

/* --- what a face does ------------------------------------------------------------------------- */

/* A face that looks ahead, at rest, in pixels: the parts that quantities are read from. */
static void face_at_rest(float p[FACE_POINTS][2])
{
    static const struct {
        int point;
        float x, y;
    } placed[] = {
        {8,  50, 100},
        {30, 50, 60 },
        {36, 30, 40 },
        {37, 34, 38 },
        {38, 38, 38 },
        {39, 42, 40 },
        {40, 38, 42 },
        {41, 34, 42 },
        {42, 58, 40 },
        {43, 62, 38 },
        {44, 66, 38 },
        {45, 70, 40 },
        {46, 66, 42 },
        {47, 62, 42 },
        {48, 38, 80 },
        {54, 62, 80 },
        {61, 46, 79 },
        {62, 50, 79 },
        {63, 54, 79 },
        {65, 54, 80 },
        {66, 50, 80 },
        {67, 46, 80 },
        {68, 36, 40 },
        {69, 64, 40 },
    };
    for (int k = 0; k < FACE_POINTS; k++)
        p[k][0] = p[k][1] = 50;
    for (size_t i = 0; i < sizeof placed / sizeof placed[0]; i++) {
        p[placed[i].point][0] = placed[i].x;
        p[placed[i].point][1] = placed[i].y;
    }
    for (int k = POINT_LEFT_BROW; k < POINT_NOSE; k++) {
        p[k][0] = k < POINT_RIGHT_BROW ? 36 : 64;
        p[k][1] = 30;
    }
}

static double quantity(float p[FACE_POINTS][2], enum pose_quantity q)
{
    double of[POSE_QUANTITIES];
    pose_quantities_of((const float(*)[2])p, of);
    return of[q];
}

/* Moves points [first, last] and returns by how much it raises a quantity of a face at rest. */
static double rise(enum pose_quantity q, int first, int last, float right, float down)
{
    float p[FACE_POINTS][2];
    face_at_rest(p);
    double before = quantity(p, q);
    for (int k = first; k <= last; k++) {
        p[k][0] += right;
        p[k][1] += down;
    }
    return quantity(p, q) - before;
}

static void each_quantity_rises_with_what_it_is_of(void **state)
{
    (void)state;
    /* the unit of the face is 40 pixels, an eye is 12 wide */
    assert_near(rise(POSE_YAW, 30, 30, 4, 0), 4. / 40, 1e-6);
    assert_near(rise(POSE_PITCH, 30, 30, 0, -4), 4. / 60, 1e-6); /* 60 from eyes to chin */
    assert_near(rise(POSE_BROWS, 17, 26, 0, -4), 4. / 40, 1e-6);
    assert_near(rise(POSE_BROWS, 17, 21, 0, -4), 2. / 40, 1e-6); /* one brow */
    assert_near(rise(POSE_MOUTH, 65, 67, 0, 6), 6. / 40, 1e-6);
    assert_near(rise(POSE_EYES, 40, 41, 0, 3), 1.5 / 12, 1e-6);
    assert_near(rise(POSE_GAZE, 68, 69, 3, 0), 3. / 12, 1e-6);
    /* and other parts hardly move it */
    assert_near(rise(POSE_YAW, 68, 69, 3, 0), 0, .003);
    assert_near(rise(POSE_BROWS, 37, 38, 0, 2), 0, .003);
    assert_near(rise(POSE_MOUTH, 17, 26, 0, -4), 0, .003);
}

/* Neither place, nor size, nor roll counts; in the mirrored picture yaw and gaze change sign. */
static void quantities_depend_on_the_face_alone(void **state)
{
    (void)state;
    float p[FACE_POINTS][2], moved[FACE_POINTS][2], mirrored[FACE_POINTS][2];
    double own[POSE_QUANTITIES], of[POSE_QUANTITIES], other[POSE_QUANTITIES];
    face_at_rest(p);
    p[30][0] += 3;
    p[68][0] += 2;
    p[20][1] -= 5;
    for (int k = 0; k < FACE_POINTS; k++) {
        moved[k][0] = 20 + 2 * (.8f * p[k][0] - .6f * p[k][1]);
        moved[k][1] = -7 + 2 * (.6f * p[k][0] + .8f * p[k][1]);
        mirrored[k][0] = 100 - p[point_mirrored(k)][0];
        mirrored[k][1] = p[point_mirrored(k)][1];
    }
    pose_quantities_of((const float(*)[2])p, own);
    pose_quantities_of((const float(*)[2])moved, of);
    pose_quantities_of((const float(*)[2])mirrored, other);
    for (int q = 0; q < POSE_QUANTITIES; q++) {
        assert_near(of[q], own[q], 1e-5);
        bool sideways = pose_quantity_is_sideways((enum pose_quantity)q);
        assert_near(other[q], sideways ? -own[q] : own[q], 1e-5);
        assert_true(sideways == (q == POSE_YAW || q == POSE_GAZE));
    }
}

static void a_quantity_of_unknown_points_is_unknown(void **state)
{
    (void)state;
    float p[FACE_POINTS][2];
    double of[POSE_QUANTITIES];
    face_at_rest(p);
    p[69][0] = p[62][1] = NAN;
    pose_quantities_of((const float(*)[2])p, of);
    for (int q = 0; q < POSE_QUANTITIES; q++)
        assert_true(isnan(of[q]) == (q == POSE_GAZE || q == POSE_MOUTH));
    face_at_rest(p);
    p[POINT_CHIN][0] = NAN;
    pose_quantities_of((const float(*)[2])p, of);
    assert_near(of[POSE_PITCH], pose_turn_of((const float(*)[2])p).pitch, 1e-9);
    for (int k = 37; k < 48; k++)
        p[k][1] = 40; /* shut: nobody sees the pupils */
    pose_quantities_of((const float(*)[2])p, of);
    assert_true(of[POSE_EYES] < POSE_EYES_SHUT && isnan(of[POSE_GAZE]));
}

static void drawn_faces_say_what_was_drawn(void **state)
{
    enum { DRAWN = 32 };
    (void)state;
    struct errmsg em = {0};
    struct drawn_options o = {.size = 64, .seed = 1};
    double yaw[DRAWN], pitch[DRAWN], of[POSE_QUANTITIES][DRAWN];
    if (!drawn_available())
        skip();
    for (int i = 0; i < DRAWN; i++) {
        struct drawn_face f;
        double own[POSE_QUANTITIES];
        assert_ok(drawn_face_draw(&o, 0, (uint64_t)i, &f, &em));
        pose_quantities_of((const float(*)[2])f.points, own);
        for (int q = 0; q < POSE_QUANTITIES; q++)
            of[q][i] = own[q];
        yaw[i] = (double)f.pose.yaw;
        pitch[i] = (double)f.pose.pitch;
        assert_true(own[POSE_MOUTH] > -.01 && own[POSE_EYES] > -.01 && own[POSE_BROWS] > 0);
        drawn_face_release(&f);
    }
    assert_true(correlation(of[POSE_YAW], yaw, DRAWN) > .97);
    assert_true(correlation(of[POSE_PITCH], pitch, DRAWN) > .95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(z_is_about_0_and_1_wide),
        cmocka_unit_test(order_does_not_matter_and_mirror_images_count),
        cmocka_unit_test(a_few_wild_points_change_little),
        cmocka_unit_test(what_is_unknown_or_constant_is_named_and_0),
        cmocka_unit_test(training_pictures_count_and_others_do_not),
        cmocka_unit_test(z_is_1_wide_whatever_the_augmentation),
        cmocka_unit_test(both_people_get_one_deviation),
        cmocka_unit_test(of_many_pictures_evenly_spaced_ones_count),
        cmocka_unit_test(sets_that_say_nothing_are_refused),
        cmocka_unit_test(heads_turn_right_up_and_clockwise),
        cmocka_unit_test(each_quantity_rises_with_what_it_is_of),
        cmocka_unit_test(quantities_depend_on_the_face_alone),
        cmocka_unit_test(a_quantity_of_unknown_points_is_unknown),
        cmocka_unit_test(drawn_faces_say_what_was_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
