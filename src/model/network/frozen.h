/* Parts of the network that do not train: no gradient is computed for them, no step moves them. */
#ifndef BIFRONS_MODEL_FROZEN_H
#define BIFRONS_MODEL_FROZEN_H

#include "model/model.h"
#include "shim/shim.h"

/* The ranges of the flat arrays that do train, ascending: each part is one piece, but for the mean
 * codes, which follow the encoder's codes in a way of their own, and the scale of poses, which
 * stays as it is. */
struct trainable {
    struct model_range ranges[MODEL_PARTS];
    size_t n;
    struct model_range mean_codes; /* count 0: there are none, or the encoder is frozen */
};

/* Freezes the group's parameters of the frozen parts. ST_CONFIG where nothing is left to train. */
enum status frozen_init(const struct architecture *a, const bool frozen[MODEL_PARTS],
                        struct shim_group *group, struct trainable *out,
                        struct errmsg *em) MUST_CHECK;
/* What two ranges have in common; count 0: nothing. */
struct model_range frozen_common(struct model_range a, struct model_range b);

#endif
