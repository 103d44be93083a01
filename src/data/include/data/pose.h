/*
 * Pose codes z: a face's points as numbers around 0 that mean the same for both people.
 *
 *     struct pose_scale scale;
 *     struct pose_gaps gaps;
 *     struct pose_code code;
 *     st = pose_scale_measure(set, order, POSE_PICTURES_MAX, NULL, &scale, &gaps, &em);
 *     if (st == ST_OK)
 *         st = pose_read(set, row, &draw, &scale, &code, &em);
 *
 * z = (coordinate - mean) / deviation, for each person, point and axis, limited to +-POSE_Z_MAX.
 * The mean is the person's, since faces have different shapes; the deviation is the same for both
 * people (pose_scales_join), so that a turn of the head is as large in a swap. z is 0 if a point is
 * not known or its coordinate is the same in all pictures. Coordinates are normalised
 * (data/points.h), so they do not depend on the pictures' size, and one scale serves all stages of
 * a run.
 *
 * Mean and deviation are taken over the middle 96 % of the values in the person's training pictures
 * (of many, in POSE_PICTURES_MAX) and their mirror images. This ignores a few wrong points of a
 * detector. The deviation is corrected such that leaving out 4 % does not change it for a normal
 * distribution. (The median of the distances from the median would be useless for mouths, since
 * most are shut.) The order of the pictures does not matter.
 *
 * Signs: yaw is positive if the person turns to the picture's right, pitch if up, roll if
 * clockwise.
 */
#ifndef BIFRONS_DATA_POSE_H
#define BIFRONS_DATA_POSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/augment_draw.h"
#include "base/status.h"
#include "data/order.h"
#include "data/picture_folder.h"
#include "data/points.h"

enum { POSE_Z_MAX = 6 };
/* Smaller deviations count as 0: a thirtieth of a pixel at 128 px. */
#define POSE_DEVIATION_MIN 5e-4

struct pose_gaps {
    struct name_list unknown, constant; /* coordinates of deviation 0: "x of point 30 (nose)" */
    struct name_list wrong;             /* pictures whose points are not used */
    struct pose_scale still;            /* of the pictures as they are, without draws */
};

/* How a run moves the points of its pictures: by the draws at strength, seed and person. */
struct pose_draws {
    const struct augment_config *strength;
    uint64_t seed;
    enum order_person person;
};

/* The scale of n faces with normalised points. ST_MEMORY. */
enum status pose_scale_of(const float (*faces)[FACE_POINTS][2], size_t n, struct pose_scale *out,
                          struct pose_gaps *gaps, struct errmsg *em) MUST_CHECK;
/*
 * The scale of a set's training pictures, moved by `draws` (NULL: as they are), so that z has a
 * deviation of about 1 in training whatever the augmentation; if they are more than `most`, of so
 * many, evenly spaced. gaps->wrong is of all of them. A picture's points count as unknown, here and
 * in pose_read, if most of them lie outside of it, or if left and right are exchanged
 * (points_exchanged). ST_DATA: the set has no points, none is known in these pictures, none varies,
 * or most pictures' points are wrong; ST_IO; ST_MEMORY.
 */
enum { POSE_PICTURES_MAX = 100 * 1000 };
enum status pose_scale_measure(struct set *set, const struct order *order, int64_t most,
                               const struct pose_draws *draws, struct pose_scale *out,
                               struct pose_gaps *gaps, struct errmsg *em) MUST_CHECK;
/* Gives both people the geometric mean of their deviations, where both have one. */
void pose_scales_join(struct pose_scale scales[static 2]);
/* The median of a's deviations as multiples of b's; 1 if there are none. */
double pose_scales_ratio(const struct pose_scale *a, const struct pose_scale *b);

struct pose_code {
    float z[FACE_POINTS][2];
    float known[FACE_POINTS][2]; /* 0: not measured, no loss there; else 1 */
};

/* The pose code of a face with normalised points. */
struct pose_code pose_standardise(const struct pose_scale *scale,
                                  const float points[FACE_POINTS][2]);
/* The same, but all is unknown if the points are wrong, as in pose_scale_measure. */
struct pose_code pose_of_points(const struct pose_scale *scale, const float points[FACE_POINTS][2]);
/* The pose code of a picture as a draw moves it (points_move); all unknown if the set has no
 * points. ST_IO; ST_DATA: damaged. */
enum status pose_read(struct set *set, int64_t row, const struct augment_draw *draw,
                      const struct pose_scale *scale, struct pose_code *out,
                      struct errmsg *em) MUST_CHECK;

/*
 * How a head is turned, roughly. Yaw and pitch: the place of the nose's tip between eyes and mouth;
 * 1 is the distance from the eyes to the mouth. Roll: the angle of the eyes, in radians. The middle
 * of pitch differs between people: compare it between pictures of one person only. NaN: one of the
 * five landmarks is not known.
 */
struct pose_turn {
    double yaw, pitch, roll;
};
struct pose_turn pose_turn_of(const float points[FACE_POINTS][2]);
/* The same in degrees, for a nose of a mean length. On rendered people, half of the yaws are within
 * 1.2 degrees of those from 468 points in three dimensions, half of the pitches within 2.6 after
 * the median difference is subtracted. */
struct pose_turn pose_degrees(struct pose_turn turn);

/*
 * What a face does, as numbers that rise and fall with it. Compare them between pictures of one
 * person only: faces at rest differ. Lengths are relative to the face's unit: the larger of two
 * distances, between the eyes and from the middle of the eyes to the middle of the mouth.
 */
enum pose_quantity {
    POSE_YAW,   /* of struct pose_turn: the head turns to the picture's right */
    POSE_PITCH, /* up: the place of the nose's tip between eyes and chin, 1 is the distance from the
                   eyes to the chin. Chin not known: pitch of struct pose_turn */
    POSE_BROWS, /* height of the brows above the corners of the eyes */
    POSE_MOUTH, /* distance of the lips' inner edges */
    POSE_EYES,  /* distance of the lids, relative to the width of the eye */
    POSE_GAZE,  /* pupils to the picture's right of the eye's middle, relative to its width */
    POSE_QUANTITIES
};
/* Below this opening of the eyes the lids hide the pupils: gaze is not known. */
#define POSE_EYES_SHUT 0.12

/* "yaw", "pitch", "brows", "mouth", "eyes", "gaze"; static. */
const char *pose_quantity_name(enum pose_quantity q);
/* True if the quantity changes its sign in the mirrored picture: yaw and gaze. */
bool pose_quantity_is_sideways(enum pose_quantity q);
/* The quantities of a face, in pixels or normalised alike. NaN: a point that it needs is not
 * known. */
void pose_quantities_of(const float points[FACE_POINTS][2], double out[POSE_QUANTITIES]);

#endif
