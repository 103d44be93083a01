/* Checks a set's points: range, and agreement with the landmarks; the distance of the pupils. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "data/points.h"
#include "set_priv.h"

enum { ROWS_AT_ONCE = 256 };

struct rows {
    float points[ROWS_AT_ONCE][FACE_POINTS][2];
    float landmarks[ROWS_AT_ONCE][SET_LANDMARKS][2];
};

static enum status check_point(const struct set_file *f, const char *path, int64_t row, int i,
                               const float point[2], struct errmsg *em)
{
    const char *name = set_file_name(f, row), *part = point_part(i);
    float least = (float)(-SET_POINT_REACH * f->size), most = (float)f->size - least;
    for (int axis = 0; axis < 2; axis++) {
        float at = point[axis];
        if (isinf(at))
            return FAIL(em, ST_DATA,
                        "%s: row %" PRId64 " (%s): %c of point %d (%s) is infinite; write NaN "
                        "for a point that is not known",
                        path, row, name, "xy"[axis], i, part);
        if (at < least || at > most)
            return FAIL(em, ST_DATA,
                        "%s: row %" PRId64
                        " (%s): %c of point %d (%s) is %g; it must be in pixels of "
                        "the stored picture, from %g to %g (%d times its %d px)",
                        path, row, name, "xy"[axis], i, part, (double)at, (double)least,
                        (double)most, SET_POINT_REACH, f -> size);
    }
    return ST_OK;
}

static enum status check_row(const struct set_file *f, const char *path, int64_t row,
                             const float points[FACE_POINTS][2], const float (*landmarks)[2],
                             struct errmsg *em)
{
    enum status st = ST_OK;
    for (int i = 0; i < FACE_POINTS && st == ST_OK; i++)
        st = check_point(f, path, row, i, points[i], em);
    if (st != ST_OK || !landmarks)
        return st;
    struct points_difference d = points_compare(points, landmarks);
    if (d.landmark < 0)
        return ST_OK;
    const float *said = landmarks[d.landmark];
    return FAIL(em, ST_DATA,
                "%s: row %" PRId64 " (%s): /landmarks has the %s at (%.1f, %.1f), /points at "
                "(%.1f, %.1f), %.1f px apart; at most %.1f px (%g of the face) are allowed: "
                "correct one of the two datasets, or leave /landmarks out",
                path, row, set_file_name(f, row), landmark_name(d.landmark), (double)said[0],
                (double)said[1], (double)d.own[0], (double)d.own[1], d.apart,
                fmax(POINTS_TOLERANCE * d.unit, POINTS_TOLERANCE_PX), POINTS_TOLERANCE);
}

enum status set_points_check(const struct set_file *f, const char *path, struct errmsg *em)
{
    if (f->part[SET_FACE_POINTS].dataset < 0)
        return ST_OK;
    bool both = f->part[SET_LANDMARK_POINTS].dataset >= 0;
    struct rows *r = malloc(sizeof *r);
    enum status st = r ? ST_OK : FAIL(em, ST_MEMORY, "out of memory opening %s", path);
    for (int64_t first = 0; first < f->n && st == ST_OK; first += ROWS_AT_ONCE) {
        int64_t n = MIN(f->n - first, ROWS_AT_ONCE);
        if (!set_file_read_rows(f, SET_FACE_POINTS, first, n, H5T_NATIVE_FLOAT, r->points) ||
            (both &&
             !set_file_read_rows(f, SET_LANDMARK_POINTS, first, n, H5T_NATIVE_FLOAT, r->landmarks)))
            st = FAIL(em, ST_DATA, "%s: /points cannot be read: the file is damaged; pack it again",
                      path);
        for (int64_t i = 0; i < n && st == ST_OK; i++)
            st = check_row(f, path, first + i, (const float(*)[2])r->points[i],
                           both ? (const float(*)[2])r->landmarks[i] : NULL, em);
    }
    free(r);
    return st;
}

enum status set_pupil_distance(struct set *s, double *out, struct errmsg *em)
{
    float points[FACE_POINTS][2];
    double sum = 0;
    const struct set_info *info = set_get_info(s);
    int64_t known = 0, n = info->has_points ? info->n : 0;
    for (int64_t i = 0; i < n; i++) {
        enum status st = set_read_points(s, i, points, em);
        if (st != ST_OK)
            return st;
        const float *a = points[POINT_PUPILS], *b = points[POINT_PUPILS + 1];
        double apart = hypot((double)(b[0] - a[0]), (double)(b[1] - a[1]));
        if (!isfinite(apart))
            continue;
        sum += apart / info->size;
        known++;
    }
    *out = known > 0 ? sum / (double)known : 0;
    return ST_OK;
}
