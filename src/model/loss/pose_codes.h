/* The poses of a batch's faces (data/pose.h): predicted from the codes, and measured from the
 * points. */
#ifndef BIFRONS_MODEL_POSE_CODES_H
#define BIFRONS_MODEL_POSE_CODES_H

#include "base/batch.h"
#include "network.h"

/* z (n, 140) of the points of n samples; known: 1 where z was measured, else 0. NULL: the batch has
 * no points. */
struct pose_points {
    struct shim_tensor *z, *known;
};

/* The points of a person's samples. */
struct pose_points pose_points_of(struct shim_scope *s, const struct batch *b, int who);

/* The z that a decoder gets: the measured z where it is known, else the predicted z, detached. */
struct shim_tensor *pose_given(struct shim_scope *s, struct shim_tensor *predicted,
                               struct pose_points points);

/* Of both people's samples, A's first. */
struct pose_codes {
    struct shim_tensor *predicted; /* z (N, 140) from the codes; NULL: without model.pose */
    struct pose_points measured;
    struct shim_tensor *added; /* L(z), shaped like the codes: added to them for the decoders */
};

/*
 * codes: the codes of both people's samples, A's first. Decoders get the predicted z, detached.
 * With `given` they get the measured z where it is known, except for samples whose draw is
 * predicted_pose.
 */
struct pose_codes pose_codes_of(struct shim_scope *s, const struct network *net,
                                const struct batch *b, bool given, struct shim_tensor *codes);

#endif
