/*
 * The adversarial loss. Each person's discriminator D learns to tell the pictures y from the
 * network's reconstructions x. The network learns to make D take x for a picture.
 *
 *              the network's term     the discriminator's loss
 *   hinge      -D(x)                  max(0, 1 - D(y)) + max(0, 1 + D(x))
 *   least      (D(x) - 1)^2           (D(y) - 1)^2 + D(x)^2
 *   squares
 *
 * Each is a mean over the patches, one for each number that D gives. (Hinge: Lim, Ye: "Geometric
 * GAN", 2017; least squares: Mao et al.: "Least squares generative adversarial networks", ICCV
 * 2017.) The discriminator's loss also has the term r1 / 2 * |gradient of D(y) by y|^2, y in [-1,
 * 1], as a mean over patches (Mescheder, Geiger, Nowozin: "Which training methods for GANs do
 * actually converge?", ICML 2018).
 *
 * After model_set_discriminators(m, true), model_backward also adds the gradients of the
 * discriminators' losses, divided by the global batch, to a flat gradient of their own. The caller
 * sums that over ranks and calls model_update_discriminators.
 *
 *     model_set_discriminators(m, step.step >= start);
 *     enum status st = model_zero_gradients(m, &em);     // also the discriminators'
 *     if (st == ST_OK)
 *         st = model_backward(m, &batch, global_batch, &losses, &em);
 *     // sums over ranks of model_flat(m)->gradients and model_discriminators_flat(m)->gradients
 *     if (st == ST_OK)
 *         st = model_update(m, &step, &em);
 *     if (st == ST_OK)
 *         st = model_update_discriminators(m, discriminator_lr, n, &em);
 */
#ifndef BIFRONS_MODEL_DISCRIMINATORS_H
#define BIFRONS_MODEL_DISCRIMINATORS_H

#include "model/model.h"

/* True if the adversarial loss has a weight. */
bool model_has_discriminators(const struct model *m);
/* Turns the adversarial loss on or off for the next model_backward; off at first. While it is on,
 * no CUDA graph is used. Does nothing without discriminators. */
void model_set_discriminators(struct model *m, bool on);

/* The discriminators' flat arrays, discriminator_a's tensors first; count 0 without them. */
struct model_flat model_discriminators_flat(const struct model *m);
/* Is every element of their flat gradient finite? True without discriminators. */
enum status model_discriminators_are_finite(const struct model *m, bool *finite_out,
                                            struct errmsg *em) MUST_CHECK;
/* One Adam step; step counts the discriminators' updates, from 1. */
enum status model_update_discriminators(struct model *m, double lr, int64_t step,
                                        struct errmsg *em) MUST_CHECK;

#endif
