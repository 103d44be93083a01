/*
 * The adversarial loss: for each person a discriminator learns to tell the pictures y from the
 * network's reconstructions x, and the network learns to pass for a picture.
 *
 *              the network's term     the discriminator's
 *   hinge      -D(x)                  max(0, 1 - D(y)) + max(0, 1 + D(x))
 *   least      (D(x) - 1)^2           (D(y) - 1)^2 + D(x)^2
 *   squares
 *
 * each the mean over the patches that D judges (hinge: Lim, Ye: "Geometric GAN", 2017; least
 * squares: Mao et al.: "Least squares generative adversarial networks", ICCV 2017). To the
 * discriminator's loss comes r1 times half the squared gradient of D(y) with respect to y in [-1,
 * 1] (Mescheder, Geiger, Nowozin: "Which training methods for GANs do actually converge?", ICML
 * 2018), as a mean over patches.
 *
 * Both sides learn from the same pass: where model_set_adversary is on, model_backward also adds
 * the gradients of the discriminators' losses (divided by the global batch, as all losses) to a
 * flat gradient of their own. It is the caller's to be summed over ranks, then
 * model_update_adversary.
 *
 *     model_set_adversary(m, step.step >= start);
 *     enum status st = model_zero_gradients(m, &em);     // of both sides
 *     if (st == ST_OK)
 *         st = model_backward(m, &batch, global_batch, &losses, &em);
 *     // sums over ranks of model_flat(m)->gradients and model_adversary_flat(m)->gradients
 *     if (st == ST_OK)
 *         st = model_update(m, &step, &em);
 *     if (st == ST_OK)
 *         st = model_update_adversary(m, adversary_lr, n, &em);
 */
#ifndef BIFRONS_MODEL_ADVERSARY_H
#define BIFRONS_MODEL_ADVERSARY_H

#include "model/model.h"

/* Does the model have discriminators? So where the adversarial loss has a weight. */
bool model_has_adversary(const struct model *m);
/* Whether model_backward trains against them from now on; off at first. Such passes are made
 * without a CUDA graph. Without discriminators nothing happens. */
void model_set_adversary(struct model *m, bool on);

/* Their flat arrays, discriminator_a's tensors first. Without discriminators: count 0. */
struct model_flat model_adversary_flat(const struct model *m);
/* Has their flat gradient neither NaN nor infinity? True without discriminators. */
enum status model_adversary_is_finite(const struct model *m, bool *finite_out,
                                      struct errmsg *em) MUST_CHECK;
/* One Adam step; step counts their own updates, from 1. */
enum status model_update_adversary(struct model *m, double lr, int64_t step,
                                   struct errmsg *em) MUST_CHECK;

#endif
