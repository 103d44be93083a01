/*
 * Pose codes: a face's points as numbers about 0 that mean the same of either person.
 *
 *     struct pose_scale scale;
 *     struct pose_gaps gaps;
 *     struct pose_code code;
 *     if ((st = pose_scale_measure(set, order, &scale, &gaps, &em)) == ST_OK)
 *         st = pose_read(set, row, &draw, &scale, &code, &em);
 *
 * z = (coordinate - mean) / deviation, for each person, point and axis, cut at +-POSE_Z_MAX. It is
 * 0 where a point is not known or where the coordinate does not vary. Coordinates are normalised
 * (data/points.h) and do not depend on the pictures' size: a mean serves all stages of a run.
 *
 * Mean and deviation are those of the middle 96 % of the values in the person's training pictures
 * and in their mirror images: a detector's few wild points do not count. The deviation is scaled so
 * that the cut does not change that of a normal distribution. (The median of the distances from the
 * median would be useless for mouths, since most are shut.) The order of the pictures does not
 * matter.
 *
 * Signs, everywhere: yaw is positive where the person turns to the picture's right, pitch up, roll
 * clockwise.
 */
#ifndef BIFRONS_DATA_POSE_H
#define BIFRONS_DATA_POSE_H

#include <stddef.h>

#include "base/status.h"
#include "data/order.h"
#include "data/picture_folder.h"
#include "data/points.h"

enum { POSE_Z_MAX = 6 };
/* A coordinate that varies less does not vary: a thirtieth of a pixel of 128. */
#define POSE_DEVIATION_MIN 5e-4

/* Normalised. Deviation 0: the coordinate is not known or does not vary. */
struct pose_scale {
    float mean[FACE_POINTS][2], deviation[FACE_POINTS][2];
};

/* Coordinates of deviation 0, as "x of point 30 (nose)". */
struct pose_gaps {
    struct name_list unknown, constant;
};

/* Of n faces, normalised. ST_MEMORY. */
enum status pose_scale_of(const float (*faces)[FACE_POINTS][2], size_t n, struct pose_scale *out,
                          struct pose_gaps *gaps, struct errmsg *em) MUST_CHECK;
/* Of a set's training pictures. ST_DATA: the set has no points, none is known in these pictures, or
 * none varies; ST_IO; ST_MEMORY. */
enum status pose_scale_measure(struct set *set, const struct order *order, struct pose_scale *out,
                               struct pose_gaps *gaps, struct errmsg *em) MUST_CHECK;

struct pose_code {
    float z[FACE_POINTS][2];
    float known[FACE_POINTS]
               [2]; /* 1, or 0 where z is 0 because it was not measured: no loss there */
};

/* The code of a face, from normalised points. */
struct pose_code pose_standardise(const struct pose_scale *scale,
                                  const float points[FACE_POINTS][2]);
/* That of a picture as a draw moves it (points_move). ST_IO; ST_DATA damaged, or a set without
 * points.
 */
enum status pose_read(struct set *set, int64_t row, const struct augment_draw *draw,
                      const struct pose_scale *scale, struct pose_code *out,
                      struct errmsg *em) MUST_CHECK;

/*
 * How a head is turned, roughly. Yaw and pitch: where the tip of the nose stands between eyes and
 * mouth, 1 being the way from the eyes to the mouth. Roll: the angle of the eyes, in radians. Pitch
 * has another middle for each person: compare it between pictures of one person. NaN where one of
 * the five landmarks is not known.
 */
struct pose_turn {
    double yaw, pitch, roll;
};
struct pose_turn pose_turn_of(const float points[FACE_POINTS][2]);

#endif
