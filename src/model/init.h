/*
 * Initial weights, as PyTorch draws them for its convolutions and fully connected layers (He et
 * al., "Delving deep into rectifiers", 2015, with a = sqrt(5)): weight and bias uniform within 1 /
 * sqrt(fan in); normalizations begin with 1 and 0. The numbers come from Philox, keyed by the seed
 * and the tensor's name without its decoder's letter: both decoders start alike, and a tensor's
 * start does not depend on which others there are, on the device or its precision.
 */
#ifndef BIFRONS_MODEL_INIT_H
#define BIFRONS_MODEL_INIT_H

#include "model/architecture.h"
#include "shim/shim.h"

enum status init_parameters(const struct architecture *a, struct shim_group *group,
                            size_t element_bytes, uint64_t seed, struct errmsg *em) MUST_CHECK;

#endif
