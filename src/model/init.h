/*
 * Initial weights: uniform, within the bound that keeps signals the same size from layer to layer
 * (He et al., "Delving deep into rectifiers", 2015); biases are 0. The numbers come from Philox,
 * keyed by the seed and the tensor's name without its decoder's letter: both decoders start alike,
 * and a tensor's start does not depend on which others there are, on the device or its precision.
 */
#ifndef BIFRONS_MODEL_INIT_H
#define BIFRONS_MODEL_INIT_H

#include "layout.h"
#include "shim/shim.h"

enum status init_parameters(const struct layout *l, struct shim_group *group, size_t element_bytes,
                            uint64_t seed, struct errmsg *em) MUST_CHECK;

#endif
