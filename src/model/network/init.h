/*
 * Initial weights (He et al., "Delving deep into rectifiers", 2015), uniform within bounds.
 *
 * MODEL_INIT_PYTORCH: PyTorch's default for convolutions and linear layers (a = sqrt(5)), weight
 * and bias within 1 / sqrt(fan in). Codes then vary by only 1e-2, and pictures hardly depend on
 * them.
 *
 * MODEL_INIT_HE: the deviation stays the same through a layer and its LeakyReLU; biases are 0.
 * Layers without a LeakyReLU are drawn within 1 / sqrt(fan in), so that first pictures are near
 * grey. The fan in is the number of products in one number of the output: a quarter of the kernel
 * for a transposed convolution.
 *
 * Normalizations always begin with 1 and 0. The numbers come from Philox; the key is the seed and
 * the tensor's name without its decoder's letter. So both decoders start alike, and a tensor's
 * start depends neither on other tensors nor on device or precision.
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
