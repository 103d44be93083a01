/*
 * Mean codes: what the encoder makes of a person's pictures on the average.
 *
 * They are parameters that nothing but their own loss reaches, and whose minimum is the mean; the
 * optimizer's steps, which know the gradient's direction and not its scale, make them a running
 * mean of as many steps as a code's deviation holds learning rates. So they are summed over ranks,
 * sharded, averaged, saved and gone on from as all parameters are.
 */
#ifndef BIFRONS_MODEL_MEAN_CODES_H
#define BIFRONS_MODEL_MEAN_CODES_H

#include "base/augment.h"
#include "network.h"

/*
 * mean((m - c)^2) of each of n samples' codes c, from which no gradient passes, and the person's
 * mean code m: (n). 0 of samples that were shown in the other's colours or surroundings: their
 * codes are not the person's. draws: n of them, or NULL. The network has mean codes.
 */
struct shim_tensor *mean_code_loss(struct shim_scope *s, const struct network *net, int who,
                                   struct shim_tensor *codes, const struct augment_draw *draws,
                                   size_t n);

#endif
