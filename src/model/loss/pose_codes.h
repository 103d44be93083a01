/* The poses of a batch's faces (data/pose.h): predicted from the codes, and measured by the points.
 */
#ifndef BIFRONS_MODEL_POSE_CODES_H
#define BIFRONS_MODEL_POSE_CODES_H

#include "base/batch.h"
#include "network.h"

/* z (N, 140) of both people's samples, A's first. */
struct pose_codes {
    struct shim_tensor *predicted;        /* from the codes; NULL: the network knows no poses */
    struct shim_tensor *measured, *known; /* of the batch's points; NULL: it has none */
    struct shim_tensor *added;            /* to the codes that decoders take, shaped like these */
};

/*
 * codes: the codes of both people's samples, A's first. Decoders get the predicted z, detached.
 * With `training` they get the measured z instead, where the batch has it and the sample's draw is
 * not predicted_pose.
 */
struct pose_codes pose_codes_of(struct shim_scope *s, const struct network *net,
                                const struct batch *b, bool training, struct shim_tensor *codes);

#endif
