// A layer on a GPU: convolution, bias and LeakyReLU, as one node of autograd with our own kernels around cuDNN's
// convolution. With small batches a step takes as long as its launches, so that each kernel counts: bias and LeakyReLU
// are one, and what remains for the gradients of weight and bias is another.
#pragma once

#include <ATen/ATen.h>

#include "gpu_convolution.hpp"

struct shim_group;

namespace shim
{

// true if x is (N, C, H, W), float or bfloat16, on a GPU that runs our kernels (cuda_kernels.hpp), and bias is (C),
// float. false in a build without CUDA.
bool gpu_layer_suits(const at::Tensor &x, const at::Tensor &bias);

// weight float; see gpu_convolution. turned: the weight as turn_weights wrote it; undefined: it is turned here. The
// result is of type `dtype` (kFloat or kBFloat16), channels innermost. First derivatives only. Gradients of weight and
// bias are gradient_memory. The bias's is summed in float, in an order that depends only on the shape.
at::Tensor gpu_layer(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &turned,
                     double slope, way to, at::ScalarType dtype);

// Writes each weight of `flat` to `turned`, channels innermost, in turned's type. table: (n, 5) numbers on the device, a
// row for each weight: the first of its pairs (row, channel) among all `pairs`, its first element in flat and in turned,
// channels, taps.
void turn_weights(const at::Tensor &flat, const at::Tensor &turned, const at::Tensor &table, int64_t pairs);
bool gpu_kernels_available(at::Device device);

// Sums of squares of each `chunk` elements of x, float, in sums, double; the last chunk may be shorter. A chunk's sum
// depends on its elements only.
void gpu_squares(const at::Tensor &x, int64_t chunk, const at::Tensor &sums);

} // namespace shim
