/*
 * Initial weights (He et al., "Delving deep into rectifiers", 2015), uniform within bounds:
 *   MODEL_INIT_PYTORCH  as PyTorch draws them for its convolutions and fully connected layers (a =
 *                       sqrt(5)): weight and bias within 1 / sqrt(fan in). A code of this network
 *                       then varies by 1e-2, and pictures hardly with it.
 *   MODEL_INIT_HE       weights so that numbers keep their deviation through a layer and the
 *                       LeakyReLU behind it, biases 0; last layers, which have none, within 1 /
 * sqrt(fan in), so that pictures begin near grey. A number of a transposed convolution is a sum
 * over a quarter of the kernel, which is its fan in here. Normalizations begin with 1 and 0. The
 * numbers come from Philox, keyed by the seed and the tensor's name without its decoder's letter:
 * both decoders start alike, and a tensor's start does not depend on which others there are, on the
 * device or its precision.
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
