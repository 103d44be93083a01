// The network's convolution on a GPU: what cuDNN computes, with types and layouts changed in one
// pass each. Left to autocast and cuDNN it takes two or three for each weight, which for small
// batches is a sixth of a step.
#pragma once

#include <ATen/ATen.h>

namespace shim
{

// weight (K, C, 4, 4) float, K being the channels at the lower resolution. Computed and given in
// `dtype`, kFloat or kBFloat16, channels innermost. First derivatives with respect to weights only.
at::Tensor gpu_halve(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype);
at::Tensor gpu_twice(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype);
// weight (out, in, k, k), k odd: the resolution stays.
at::Tensor gpu_keep(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype);

} // namespace shim
