// Bias and LeakyReLU after a convolution on a GPU: y = leaky_relu(x + bias). One pass over memory
// forward instead of libtorch's two, and one backward instead of three. libtorch's passes take a
// third of the time of a training step.
#pragma once

#include <ATen/ATen.h>

namespace shim
{

// true if x is (N, C, H, W), float or bfloat16, on a GPU that runs our kernels (cuda_kernels.hpp),
// and bias is (C), float. false in a build without CUDA.
bool bias_leaky_suits(const at::Tensor &x, const at::Tensor &bias);

// Overwrites x if its channels are innermost. First derivatives only. The bias's gradient is summed
// in float, in an order that depends only on the shape.
at::Tensor bias_leaky(const at::Tensor &x, const at::Tensor &bias, double slope);

} // namespace shim
