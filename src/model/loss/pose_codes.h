/* How the faces of a batch are posed (data/pose.h), as the network sees it and as it is told. */
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

/* Of samples whose codes, of both people one after the other, these are. Decoders are told what is
 * predicted, from which no gradient passes; in training they are told what was measured, where the
 * batch has it and the sample's draw does not say predicted_pose. */
struct pose_codes pose_codes_of(struct shim_scope *s, const struct network *net,
                                const struct batch *b, bool training, struct shim_tensor *codes);

#endif
