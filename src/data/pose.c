#include "data/pose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "data/draw_augment.h"

#include "base/poison.h"

/* The smallest and the largest of each 50 sorted values do not count. */
enum { CUT_ONE_OF = 50 };
/* Standard deviation of the middle 96 % of the normal distribution. */
static const double middle_deviation = 0.8903;

/* --- mean and deviation ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

struct spread {
    double mean, deviation;
};

/* Mean and deviation of n > 0 sorted values. */
static struct spread spread_of(const float *values, size_t n)
{
    size_t cut = n / CUT_ONE_OF, kept = n - 2 * cut;
    double sum = 0, squares = 0;
    for (size_t i = cut; i < n - cut; i++)
        sum += (double)values[i];
    double mean = sum / (double)kept;
    for (size_t i = cut; i < n - cut; i++) {
        double from = (double)values[i] - mean;
        squares += from * from;
    }
    double deviation = sqrt(squares / (double)kept);
    return (struct spread){mean, cut > 0 ? deviation / middle_deviation : deviation};
}

/* Appends the known values of a coordinate to out, which has n_out already; returns the new
 * number. */
static size_t append_values(const float (*faces)[FACE_POINTS][2], size_t n, int point, int axis,
                            bool mirrored, float *out, size_t n_out)
{
    for (size_t i = 0; i < n; i++) {
        const float *at = faces[i][mirrored ? point_mirrored(point) : point];
        if (point_is_known(at))
            out[n_out++] = mirrored && axis == 0 ? -at[0] : at[axis];
    }
    return n_out;
}

static struct spread sort_and_spread(float *values, size_t n)
{
    qsort(values, n, sizeof *values, compare);
    return n > 0 ? spread_of(values, n) : (struct spread){0, 0};
}

/* The spread over the faces and their mirror images. Deviation 0 if the coordinate is the same in
 * all faces, even if it differs in the mirror images. values: memory for 2 n. */
static struct spread coordinate_spread(const float (*faces)[FACE_POINTS][2], size_t n, int point,
                                       int axis, float *values, size_t *found_out)
{
    struct spread of[2];
    for (int mirrored = 0; mirrored < 2; mirrored++)
        of[mirrored] =
            sort_and_spread(values, append_values(faces, n, point, axis, mirrored, values, 0));
    size_t found = append_values(faces, n, point, axis, false, values, 0);
    found = append_values(faces, n, point, axis, true, values, found);
    struct spread all = sort_and_spread(values, found);
    if (fmax(of[0].deviation, of[1].deviation) < POSE_DEVIATION_MIN)
        all.deviation = 0;
    *found_out = found;
    return all;
}

static void add_name(struct name_list *l, int point, int axis)
{
    char text[64];
    snprintf(text, sizeof text, "%c of point %d (%s)", "xy"[axis], point, point_part(point));
    name_list_add(l, text);
}

enum status pose_scale_of(const float (*faces)[FACE_POINTS][2], size_t n, struct pose_scale *out,
                          struct pose_gaps *gaps, struct errmsg *em)
{
    size_t bytes = 0;
    bool fits = checked_mul(2 * n + 1, sizeof(float), &bytes);
    float *values = fits ? malloc(bytes) : NULL;
    if (!values)
        return FAIL(em, ST_MEMORY, "out of memory for the points of %zu pictures", n);
    *out = (struct pose_scale){0};
    *gaps = (struct pose_gaps){0};
    for (int k = 0; k < FACE_POINTS; k++)
        for (int axis = 0; axis < 2; axis++) {
            size_t found;
            struct spread spread = coordinate_spread(faces, n, k, axis, values, &found);
            if (spread.deviation == 0)
                add_name(found > 0 ? &gaps->constant : &gaps->unknown, k, axis);
            out->mean[k][axis] = (float)spread.mean;
            out->deviation[k][axis] = (float)spread.deviation;
        }
    free(values);
    return ST_OK;
}

/* --- wrong points ----------------------------------------------------------------------------- */

enum fault { FAULT_NONE, FAULT_OUTSIDE, FAULT_EXCHANGED, FAULT_UPSIDE_DOWN, FAULTS };

static const struct {
    const char *what, *remedy;
} faults[FAULTS] = {
    [FAULT_OUTSIDE] = {"most points lie outside of the picture",
                       "give them in pixels of the stored pictures"                          },
    [FAULT_EXCHANGED] = {"left and right are exchanged",
                       "left is the picture's left: points 36 to 41 and 68 are the eye there"},
    [FAULT_UPSIDE_DOWN] = {"the mouth lies above the eyes",
                       "give y from the upper edge of the picture, downwards"                },
};

static enum fault fault_of(const float points[FACE_POINTS][2])
{
    int outside = 0;
    bool upside_down;
    for (int i = 0; i < FACE_POINTS; i++)
        outside +=
            point_is_known(points[i]) && (fabsf(points[i][0]) > 1 || fabsf(points[i][1]) > 1);
    if (2 * outside > points_known(points))
        return FAULT_OUTSIDE;
    if (points_exchanged(points, &upside_down))
        return upside_down ? FAULT_UPSIDE_DOWN : FAULT_EXCHANGED;
    return FAULT_NONE;
}

/* The normalised points of a picture; all unknown if they are wrong. */
static enum status read_face(struct set *set, int64_t row, float out[FACE_POINTS][2],
                             enum fault *fault_out, struct errmsg *em)
{
    enum status st = set_read_points(set, row, out, em);
    if (st != ST_OK)
        return st;
    points_normalise(out, set_get_info(set)->size);
    *fault_out = fault_of((const float(*)[2])out);
    for (int i = 0; i < FACE_POINTS && *fault_out; i++)
        out[i][0] = out[i][1] = NAN;
    return ST_OK;
}

/* --- as the run moves them -------------------------------------------------------------------- */

enum { MOVED = 4096 }; /* moved faces that a spread is taken over, or as many as there are */

static bool moves(const struct pose_draws *d)
{
    return d && (d->strength->rotate_deg > 0 || d->strength->zoom > 0 || d->strength->shift > 0);
}

/* The i-th face, moved by the c-th of its draws. coordinate_spread adds the mirror images. */
static void move_face(const struct pose_draws *d, size_t i, size_t c, size_t copies,
                      float points[FACE_POINTS][2])
{
    const struct augment_course course = AUGMENT_NO_COURSE;
    struct augment_draw draw =
        augment_draw_at(d->strength, &course, d->seed, d->person, (uint64_t)(i * copies + c));
    draw.flip = false;
    points_move(&draw, points);
}

/* Takes the means and deviations of the faces as the run moves them. What is constant in the
 * pictures stays so: the network would learn the draws alone from it. */
static enum status scale_of_moved(const float (*faces)[FACE_POINTS][2], size_t n,
                                  const struct pose_draws *d, struct pose_scale *scale,
                                  struct errmsg *em)
{
    size_t copies = n > MOVED ? 1 : MOVED / n;
    float(*moved)[FACE_POINTS][2] = calloc(n * copies, sizeof *moved);
    struct pose_scale all = {0};
    struct pose_gaps ignored;
    if (!moved)
        return FAIL(em, ST_MEMORY, "out of memory for the points of %zu pictures", n);
    for (size_t k = 0; k < n * copies; k++) {
        memcpy(moved[k], faces[k / copies], sizeof moved[k]);
        move_face(d, k / copies, k % copies, copies, moved[k]);
    }
    enum status st =
        pose_scale_of((const float(*)[FACE_POINTS][2])moved, n * copies, &all, &ignored, em);
    free(moved);
    for (int i = 0; i < FACE_POINTS && st == ST_OK; i++)
        for (int axis = 0; axis < 2; axis++)
            if (scale->deviation[i][axis] > 0) {
                scale->mean[i][axis] = all.mean[i][axis];
                scale->deviation[i][axis] = all.deviation[i][axis];
            }
    return st;
}

/* --- measuring a set -------------------------------------------------------------------------- */

/* Reads the faces of all training pictures, and keeps n of them, evenly spaced; `faces` has room
 * for one more. ST_DATA: most pictures with points have the same fault. */
static enum status read_faces(struct set *set, const struct order *order, int64_t n,
                              float (*faces)[FACE_POINTS][2], struct name_list *wrong,
                              struct errmsg *em)
{
    size_t count[FAULTS] = {0}, with_points = 0;
    int64_t all = order_train_count(order), kept = 0;
    enum status st = ST_OK;
    for (int64_t i = 0; i < all && st == ST_OK; i++) {
        int64_t row = order_train_row(order, i);
        enum fault fault = FAULT_NONE;
        st = read_face(set, row, faces[kept], &fault, em);
        count[fault]++;
        if (fault)
            name_list_add(wrong, set_name(set, row));
        with_points += fault || points_known((const float(*)[2])faces[kept]) > 0;
        kept += i == kept * all / n;
    }
    for (int k = FAULT_NONE + 1; k < FAULTS && st == ST_OK; k++)
        if (2 * count[k] > with_points)
            st = FAIL(em, ST_DATA, "%s: in %zu of %zu training pictures with points %s: %s",
                      set_path(set), count[k], with_points, faults[k].what, faults[k].remedy);
    return st;
}

enum status pose_scale_measure(struct set *set, const struct order *order, int64_t most,
                               const struct pose_draws *draws, struct pose_scale *out,
                               struct pose_gaps *gaps, struct errmsg *em)
{
    enum { ALL = 2 * FACE_POINTS };
    size_t n = (size_t)MIN(order_train_count(order), most);
    if (!set_get_info(set)->has_points)
        return FAIL(em, ST_DATA, "%s has no points: pack the folder with points.csv",
                    set_path(set));
    float(*faces)[FACE_POINTS][2] = calloc(n + 1, sizeof *faces);
    enum status st =
        faces ? ST_OK : FAIL(em, ST_MEMORY, "out of memory for the points of %zu pictures", n);
    struct name_list wrong = {0};
    if (st == ST_OK)
        st = read_faces(set, order, (int64_t)n, faces, &wrong, em);
    if (st == ST_OK)
        st = pose_scale_of((const float(*)[FACE_POINTS][2])faces, n, out, gaps, em);
    gaps->still = *out;
    if (st == ST_OK && moves(draws))
        st = scale_of_moved((const float(*)[FACE_POINTS][2])faces, n, draws, out, em);
    gaps->wrong = wrong;
    free(faces);
    if (st == ST_OK && gaps->unknown.n == ALL)
        return FAIL(
            em, ST_DATA,
            "%s: no point is known in any of %zu training pictures; pack the folder with the "
            "faces' points in points.csv",
            set_path(set), n);
    if (st == ST_OK && gaps->unknown.n + gaps->constant.n == ALL)
        return FAIL(em, ST_DATA,
                    "%s: the points are the same in %zu training pictures; each line of points.csv "
                    "must have the points of its own picture",
                    set_path(set), n);
    return st;
}

static int compare_ratios(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double pose_scales_ratio(const struct pose_scale *a, const struct pose_scale *b)
{
    double ratios[2 * FACE_POINTS];
    size_t n = 0;
    for (int i = 0; i < FACE_POINTS; i++)
        for (int axis = 0; axis < 2; axis++)
            if (a->deviation[i][axis] > 0 && b->deviation[i][axis] > 0)
                ratios[n++] = (double)a->deviation[i][axis] / (double)b->deviation[i][axis];
    qsort(ratios, n, sizeof *ratios, compare_ratios);
    return n > 0 ? ratios[n / 2] : 1;
}

void pose_scales_join(struct pose_scale scales[static 2])
{
    for (int i = 0; i < FACE_POINTS; i++)
        for (int axis = 0; axis < 2; axis++) {
            float *a = &scales[0].deviation[i][axis], *b = &scales[1].deviation[i][axis];
            if (*a > 0 && *b > 0)
                *a = *b = sqrtf(*a * *b);
        }
}

/* --- z ---------------------------------------------------------------------------------------- */

struct pose_code pose_standardise(const struct pose_scale *scale,
                                  const float points[FACE_POINTS][2])
{
    struct pose_code code = {0};
    for (int i = 0; i < FACE_POINTS; i++)
        for (int axis = 0; axis < 2; axis++) {
            float deviation = scale->deviation[i][axis];
            if (deviation == 0 || !point_is_known(points[i]))
                continue;
            float z = (points[i][axis] - scale->mean[i][axis]) / deviation;
            code.z[i][axis] = MIN(MAX(z, -(float)POSE_Z_MAX), (float)POSE_Z_MAX);
            code.known[i][axis] = 1;
        }
    return code;
}

struct pose_code pose_of_points(const struct pose_scale *scale, const float points[FACE_POINTS][2])
{
    return fault_of(points) ? (struct pose_code){0} : pose_standardise(scale, points);
}

enum status pose_read(struct set *set, int64_t row, const struct augment_draw *draw,
                      const struct pose_scale *scale, struct pose_code *out, struct errmsg *em)
{
    float points[FACE_POINTS][2];
    if (!set_get_info(set)->has_points) {
        *out = (struct pose_code){0};
        return ST_OK;
    }
    enum fault fault;
    enum status st = read_face(set, row, points, &fault, em);
    if (st != ST_OK)
        return st;
    points_move(draw, points);
    *out = pose_standardise(scale, (const float(*)[2])points);
    return ST_OK;
}

/* --- how a head is turned --------------------------------------------------------------------- */

struct pose_turn pose_turn_of(const float points[FACE_POINTS][2])
{
    enum { LEFT, RIGHT, NOSE, MOUTH_LEFT, MOUTH_RIGHT };
    float five[SET_LANDMARKS][2];
    points_landmarks(points, five);
    double eyes[2], down[2], nose[2];
    for (int axis = 0; axis < 2; axis++) {
        double middle = ((double)five[LEFT][axis] + (double)five[RIGHT][axis]) / 2;
        eyes[axis] = (double)five[RIGHT][axis] - (double)five[LEFT][axis];
        down[axis] =
            ((double)five[MOUTH_LEFT][axis] + (double)five[MOUTH_RIGHT][axis]) / 2 - middle;
        nose[axis] = (double)five[NOSE][axis] - middle;
    }
    double face = down[0] * down[0] + down[1] * down[1];
    /* the nose relative to the middle of the eyes: along the line to the mouth, and to its right */
    double along = (nose[0] * down[0] + nose[1] * down[1]) / face;
    double beside = (nose[0] * down[1] - nose[1] * down[0]) / face;
    return (struct pose_turn){beside, .5 - along, atan2(eyes[1], eyes[0])};
}

struct pose_turn pose_degrees(struct pose_turn turn)
{
    static const double degrees = 180 / 3.14159265358979;
    static const double nose = 0.56; /* distance of the nose's tip from the plane of the eyes */
    double side = MIN(MAX(turn.yaw / nose, -1), 1);
    if (isnan(turn.yaw))
        side = NAN;
    return (struct pose_turn){asin(side) * degrees, atan(turn.pitch / nose) * degrees,
                              turn.roll * degrees};
}

/* --- what a face does ------------------------------------------------------------------------- */

struct vec {
    double x, y;
};

/* The mean of n points; NaN if one is not known. */
static struct vec mean_point(const float points[FACE_POINTS][2], const int *which, int n)
{
    struct vec sum = {0, 0};
    for (int i = 0; i < n; i++) {
        sum.x += (double)points[which[i]][0];
        sum.y += (double)points[which[i]][1];
    }
    return (struct vec){sum.x / n, sum.y / n};
}

static struct vec difference(struct vec from, struct vec to)
{
    return (struct vec){to.x - from.x, to.y - from.y};
}

static double dot(struct vec v, struct vec axis)
{
    return v.x * axis.x + v.y * axis.y;
}

static double vec_length(struct vec v)
{
    return sqrt(dot(v, v));
}

/* An eye with its brow. Points in the order left, right of the picture. */
struct eye_points {
    int corners[2], upper[2], lower[2], brow[5], pupil;
};
static const struct eye_points eyes[2] = {
    {{36, 39}, {37, 38}, {41, 40}, {17, 18, 19, 20, 21}, 68},
    {{42, 45}, {43, 44}, {47, 46}, {22, 23, 24, 25, 26}, 69},
};

/* What is read from one eye: height of the brow (in the points' unit of length), opening, gaze. */
struct eye_reading {
    double brow, opening, gaze;
};

static struct eye_reading read_eye(const float points[FACE_POINTS][2], const struct eye_points *e,
                                   struct vec right, struct vec down)
{
    struct vec middle = mean_point(points, e->corners, 2);
    struct vec across =
        difference(mean_point(points, e->corners, 1), mean_point(points, e->corners + 1, 1));
    struct vec lids = difference(mean_point(points, e->upper, 2), mean_point(points, e->lower, 2));
    double width = vec_length(across);
    return (struct eye_reading){
        .brow = -dot(difference(middle, mean_point(points, e->brow, 5)), down),
        .opening = dot(lids, down) / width,
        .gaze = dot(difference(middle, mean_point(points, &e->pupil, 1)), right) / width,
    };
}

const char *pose_quantity_name(enum pose_quantity q)
{
    static const char *const names[POSE_QUANTITIES] = {"yaw",   "pitch", "brows",
                                                       "mouth", "eyes",  "gaze"};
    return names[q];
}

bool pose_quantity_is_sideways(enum pose_quantity q)
{
    return q == POSE_YAW || q == POSE_GAZE;
}

void pose_quantities_of(const float points[FACE_POINTS][2], double out[POSE_QUANTITIES])
{
    static const int upper_lip[] = {61, 62, 63}, lower_lip[] = {67, 66, 65};
    float five[SET_LANDMARKS][2];
    points_landmarks(points, five);
    struct vec mark[SET_LANDMARKS];
    for (int i = 0; i < SET_LANDMARKS; i++)
        mark[i] = (struct vec){(double)five[i][0], (double)five[i][1]};
    struct vec right = difference(mark[0], mark[1]);
    struct vec down = {(mark[3].x + mark[4].x - mark[0].x - mark[1].x) / 2,
                       (mark[3].y + mark[4].y - mark[0].y - mark[1].y) / 2};
    struct vec middle = {(mark[0].x + mark[1].x) / 2, (mark[0].y + mark[1].y) / 2};
    double apart = vec_length(right), high = vec_length(down), unit = fmax(apart, high);
    right = (struct vec){right.x / apart, right.y / apart};
    down = (struct vec){down.x / high, down.y / high};
    struct eye_reading l = read_eye(points, &eyes[0], right, down);
    struct eye_reading r = read_eye(points, &eyes[1], right, down);
    struct pose_turn turn = pose_turn_of(points);
    struct vec lips =
        difference(mean_point(points, upper_lip, 3), mean_point(points, lower_lip, 3));
    out[POSE_YAW] = turn.yaw;
    /* expressions move the mouth more than the chin */
    double chin = dot(difference(middle, mean_point(points, &(int){POINT_CHIN}, 1)), down);
    out[POSE_PITCH] =
        isfinite(chin) ? .5 - dot(difference(middle, mark[2]), down) / chin : turn.pitch;
    out[POSE_BROWS] = (l.brow + r.brow) / 2 / unit;
    out[POSE_MOUTH] = dot(lips, down) / unit;
    out[POSE_EYES] = (l.opening + r.opening) / 2;
    out[POSE_GAZE] = out[POSE_EYES] < POSE_EYES_SHUT ? NAN : (l.gaze + r.gaze) / 2;
}
