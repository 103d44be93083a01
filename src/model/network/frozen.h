/* Frozen parts of the network: no gradient is computed for them and no step changes them. */
#ifndef BIFRONS_MODEL_FROZEN_H
#define BIFRONS_MODEL_FROZEN_H

#include "model/model.h"
#include "shim/shim.h"

/* The ranges of the flat arrays that train, ascending: one for each part. The mean codes are apart,
 * because they have a learning rate of their own; the scale of poses is in no range. */
struct trainable {
    struct model_range ranges[MODEL_PARTS];
    size_t n;
    struct model_range mean_codes; /* count 0: none. They always train */
};

/* Freezes the parameters of the frozen parts. ST_CONFIG: every part is frozen. */
enum status frozen_init(const struct architecture *a, const bool frozen[MODEL_PARTS],
                        struct shim_group *group, struct trainable *out,
                        struct errmsg *em) MUST_CHECK;
/* The intersection of two ranges; count 0: empty. */
struct model_range frozen_common(struct model_range a, struct model_range b);

#endif
