/*
 * What the kinds of layers (model/layer_kinds.h) compute, by libtorch, and how a network grows by
 * them.
 */
#ifndef BIFRONS_MODEL_LAYERS_H
#define BIFRONS_MODEL_LAYERS_H

#include "model/layer_kinds.h"
#include "shim/shim.h"

static const double leaky_slope = 0.2; /* of LeakyReLU, wherever a layer is activated */

/* x (n, n_in, size_in, size_in) to (n, n_out, size_out, size_out), activated where the layer is;
 * residuals and heads are the caller's. weight and bias in the shapes of layer_facts. The result is
 * the scope's, as are errors. */
struct shim_tensor *layer_apply(struct shim_scope *s, const struct architecture_layer *l,
                                struct shim_tensor *weight, struct shim_tensor *bias,
                                struct shim_tensor *x);

enum { LAYER_ROWS_MAX = 4 };

/* Weights by which a layer only resamples channels: means of 2 x 2 pixels where it halves the
 * resolution, bilinear interpolation where it doubles it. */
struct layer_resampling {
    bool transposed; /* the weight is (in, out, k, k), and not (out * n_rows, in, k, k) */
    int kernel;      /* k; of a layer with another one this is not meant */
    int n_rows;      /* of the weight for an output channel; 0: the kind cannot resample */
    const float *down[LAYER_ROWS_MAX], *across[LAYER_ROWS_MAX]; /* of each row k numbers; pixel
                                                     (y, x) of its kernel is down[y] * across[x] */
};

/* NULL where the layer cannot: no network grows by it. Static. */
const struct layer_resampling *layer_resampling(const struct architecture_layer *l);

#endif
