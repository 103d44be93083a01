// What follows a convolution on a GPU, in one pass over memory instead of two, and one instead of
// three back: y = leaky_relu(x + bias). libtorch adds the bias, then takes the LeakyReLU, and sums
// the bias's gradient in a kernel that uses a fraction of the memory's bandwidth; on a GPU these are
// a third of a training step's time.
#pragma once

#include <ATen/ATen.h>

namespace shim
{

// x (N, C, H, W) float or bfloat16 on a GPU whose kernels can be had (cuda_kernels.hpp), bias (C)
// float. False in a build without CUDA.
bool bias_leaky_suits(const at::Tensor &x, const at::Tensor &bias);

// In x's memory where its channels are innermost; first derivatives only. The bias's gradient is
// summed in float, in an order that depends on the shape only.
at::Tensor bias_leaky(const at::Tensor &x, const at::Tensor &bias, double slope);

} // namespace shim
