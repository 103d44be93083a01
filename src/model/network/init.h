/*
 * Initial weights (He et al., "Delving deep into rectifiers", 2015), uniform within bounds.
 *
 * MODEL_INIT_PYTORCH: as PyTorch draws them for its convolutions and linear layers (a = sqrt(5)),
 * weight and bias within 1 / sqrt(fan in). A code of this network then varies by 1e-2, and pictures
 * hardly with it.
 *
 * MODEL_INIT_HE: numbers keep their deviation through a layer and the LeakyReLU behind it; biases
 * are 0. Layers without a LeakyReLU are drawn within 1 / sqrt(fan in), so that pictures begin near
 * grey. The fan in is the number of products that one number of the output sums: for a transposed
 * convolution a quarter of the kernel counts.
 *
 * Normalizations begin with 1 and 0 either way. The numbers come from Philox, keyed by the seed and
 * the tensor's name without its decoder's letter: both decoders start alike, and a tensor's start
 * depends neither on the other tensors nor on the device or its precision.
 */
#ifndef BIFRONS_MODEL_INIT_H
#define BIFRONS_MODEL_INIT_H

#include "model/architecture.h"
#include "model/model.h"
#include "shim/shim.h"

enum status init_parameters(const struct architecture *a, struct shim_group *group,
                            size_t element_bytes, enum model_init init, uint64_t seed,
                            struct errmsg *em) MUST_CHECK;

#endif
