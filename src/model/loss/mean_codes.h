/*
 * Mean codes: what the encoder makes of a person's pictures on the average.
 *
 * They are parameters that nothing but their own loss reaches, whose minimum is the mean: a step
 * of plain descent on it is one of a running mean. So they are summed over ranks, sharded,
 * averaged, saved and gone on from as all parameters are.
 */
#ifndef BIFRONS_MODEL_MEAN_CODES_H
#define BIFRONS_MODEL_MEAN_CODES_H

#include "base/augment_draw.h"
#include "network.h"

/*
 * mean((m - c)^2) of each of n samples' codes c, from which no gradient passes, and the person's
 * mean code m: (n). 0 of samples that were shown in the other's colours or surroundings: their
 * codes are not the person's. draws: n of them, or NULL. The network has mean codes.
 */
struct shim_tensor *mean_code_loss(struct shim_scope *s, const struct network *net, int who,
                                   struct shim_tensor *codes, const struct augment_draw *draws,
                                   size_t n);
/* The learning rate by which step `step`, from 1, moves the means: to the mean of all codes so far,
 * and, since codes change, later of about the last 50 steps'. */
double mean_code_rate(const struct network *net, int64_t step);

#endif
