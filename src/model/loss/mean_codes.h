/*
 * Mean codes: the mean of the codes of each person's pictures.
 *
 * They are parameters that only their own loss reaches. Its minimum is the mean, and a step of
 * gradient descent on it is a step of a running mean. So they are summed over ranks, sharded,
 * averaged, saved and resumed like all parameters.
 */
#ifndef BIFRONS_MODEL_MEAN_CODES_H
#define BIFRONS_MODEL_MEAN_CODES_H

#include "base/augment_draw.h"
#include "network.h"

/*
 * mean((m - c)^2) for each of n samples: (n); m: the person's mean code; c: the sample's code,
 * detached. 0 for samples that took on the other person's colours or surroundings: their codes are
 * not typical of the person. draws: n of them, or NULL. The network must have mean codes.
 */
struct shim_tensor *mean_code_loss(struct shim_scope *s, const struct network *net, int who,
                                   struct shim_tensor *codes, const struct augment_draw *draws,
                                   size_t n);
/* The mean codes' learning rate at step `step`, from 1. The means become the mean of all codes so
 * far; later, since codes change, of about the last 50 steps' codes. */
double mean_code_rate(const struct network *net, int64_t step);

#endif
