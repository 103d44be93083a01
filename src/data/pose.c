#include "data/pose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"

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

/* The known values of a coordinate in the faces and their mirror images, sorted; returns their
 * number. */
static size_t gather(const float (*faces)[FACE_POINTS][2], size_t n, int point, int axis,
                     float *out)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        const float *own = faces[i][point], *mirrored = faces[i][point_mirrored(point)];
        if (point_is_known(own))
            out[found++] = own[axis];
        if (point_is_known(mirrored))
            out[found++] = axis == 0 ? -mirrored[0] : mirrored[1];
    }
    qsort(out, found, sizeof *out, compare);
    return found;
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
            size_t found = gather(faces, n, k, axis, values);
            struct spread spread = {0, 0};
            if (found > 0)
                spread = spread_of(values, found);
            if (spread.deviation < POSE_DEVIATION_MIN) {
                add_name(found > 0 ? &gaps->constant : &gaps->unknown, k, axis);
                spread.deviation = 0;
            }
            out->mean[k][axis] = (float)spread.mean;
            out->deviation[k][axis] = (float)spread.deviation;
        }
    free(values);
    return ST_OK;
}

enum status pose_scale_measure(struct set *set, const struct order *order, struct pose_scale *out,
                               struct pose_gaps *gaps, struct errmsg *em)
{
    enum { ALL = 2 * FACE_POINTS };
    const struct set_info *info = set_get_info(set);
    size_t n = (size_t)order_train_count(order);
    if (!info->has_points)
        return FAIL(em, ST_DATA, "%s has no points: pack the folder with points.csv",
                    set_path(set));
    float(*faces)[FACE_POINTS][2] = calloc(MAX(n, 1), sizeof *faces);
    enum status st =
        faces ? ST_OK : FAIL(em, ST_MEMORY, "out of memory for the points of %zu pictures", n);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        st = set_read_points(set, order_train_row(order, (int64_t)i), faces[i], em);
        points_normalise(faces[i], info->size);
    }
    if (st == ST_OK)
        st = pose_scale_of((const float(*)[FACE_POINTS][2])faces, n, out, gaps, em);
    free(faces);
    if (st == ST_OK && gaps->unknown.n == ALL)
        return FAIL(em, ST_DATA,
                    "%s: no point is known in any of its %zu training pictures; pack the folder "
                    "with the faces' points in points.csv",
                    set_path(set), n);
    if (st == ST_OK && gaps->unknown.n + gaps->constant.n == ALL)
        return FAIL(em, ST_DATA,
                    "%s: the points are the same in all of its %zu training pictures; each line of "
                    "points.csv must have the points of its own picture",
                    set_path(set), n);
    return st;
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

enum status pose_read(struct set *set, int64_t row, const struct augment_draw *draw,
                      const struct pose_scale *scale, struct pose_code *out, struct errmsg *em)
{
    float points[FACE_POINTS][2];
    if (!set_get_info(set)->has_points) {
        *out = (struct pose_code){0};
        return ST_OK;
    }
    enum status st = set_read_points(set, row, points, em);
    if (st != ST_OK)
        return st;
    points_normalise(points, set_get_info(set)->size);
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
