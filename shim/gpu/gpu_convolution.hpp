// The network's convolutions on a GPU, by cuDNN, or as products of matrices for few channels. Type
// and layout of a weight are changed in one pass. Autocast and cuDNN take two or three passes,
// which is a sixth of a step with small batches.
#pragma once

#include <ATen/ATen.h>

namespace shim
{

// The 4 x 4 convolution of stride 2 and its transpose. weight (K, C, 4, 4) float, with K channels
// at the lower resolution. The result is of type `dtype` (kFloat or kBFloat16), channels innermost.
// With respect to weights, first derivatives only.
at::Tensor gpu_conv_down(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype);
at::Tensor gpu_conv_up(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype);
// The k x k convolution of stride 1. weight (out, in, k, k), k odd.
at::Tensor gpu_conv_same(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype);

} // namespace shim
