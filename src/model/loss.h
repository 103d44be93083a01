/*
 * How far a reconstruction is from its target. Each loss is the sum over samples of a mean over
 * the sample's pixels and channels, divided by the global batch.
 *
 *   l1      |x - y|
 *   dssim   (1 - SSIM(x, y)) / 2; Wang, Bovik, Sheikh, Simoncelli: "Image quality assessment: from
 *           error visibility to structural similarity", IEEE TIP 2004. Gaussian window of 11 x 11,
 *           sigma 1.5, per channel, K1 = 0.01, K2 = 0.03, range 1, biased variances; only windows
 *           that lie inside the picture, so the map is 10 pixels smaller.
 *
 * Weights of pixels multiply the map of either loss before the mean: 1 + mask_weight * mask,
 * divided by their mean over the sample (for dssim: over the window centres).
 */
#ifndef BIFRONS_MODEL_LOSS_H
#define BIFRONS_MODEL_LOSS_H

#include "model/model.h"
#include "shim/shim.h"

/* (N, 1, S, S) pixel weights from masks in [0, 1]; NULL from NULL: all count alike. */
struct shim_tensor *loss_weights(struct shim_scope *s, struct shim_tensor *masks,
                                 double mask_weight);

/* One loss over pictures (N, 3, S, S), a scalar. weights: NULL or loss_weights'. */
struct shim_tensor *loss_apply(struct shim_scope *s, enum model_loss loss,
                               struct shim_tensor *pictures, struct shim_tensor *targets,
                               struct shim_tensor *weights, double global_batch);

#endif
