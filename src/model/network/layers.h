/*
 * What each kind of layer (model/layer_kinds.h) computes with libtorch, and how it grows a network.
 */
#ifndef BIFRONS_MODEL_LAYERS_H
#define BIFRONS_MODEL_LAYERS_H

#include "model/layer_kinds.h"
#include "shim/shim.h"

static const double leaky_slope = 0.2; /* of LeakyReLU, in every activated layer */

/* x (n, n_in, size_in, size_in) to (n, n_out, size_out, size_out), with the activation if the layer
 * has one; residuals and heads are the caller's. weight and bias have the shapes of layer_facts.
 * Result and errors are the scope's. */
struct shim_tensor *layer_apply(struct shim_scope *s, const struct architecture_layer *l,
                                struct shim_tensor *weight, struct shim_tensor *bias,
                                struct shim_tensor *x);

enum { LAYER_ROWS_MAX = 4 };

/* Weights with which a layer only resamples its channels: means of 2 x 2 pixels if it halves the
 * resolution, bilinear interpolation if it doubles it. */
struct layer_resampling {
    bool transposed; /* the weight is (in, out, k, k), and not (out * n_rows, in, k, k) */
    int kernel;      /* k; a layer with another kernel does not change the resolution */
    int n_rows;      /* rows of the weight for an output channel; 0: the kind cannot resample */
    const float *down[LAYER_ROWS_MAX],
        *across[LAYER_ROWS_MAX]; /* pixel (y, x) of a row's kernel is down[y] * across[x] */
};

/* NULL: a network cannot grow by this layer. Static. */
const struct layer_resampling *layer_resampling(const struct architecture_layer *l);

#endif
