// The network's convolutions on a GPU, by cuDNN, or as products of matrices for few channels. Without autograd.
#pragma once

#include <ATen/ATen.h>

namespace shim
{

// The 4 x 4 convolution of stride 2 and its transpose, with weights (K, C, 4, 4), K channels at the lower resolution; and
// the k x k convolution of stride 1, weights (out, in, k, k), k odd.
enum class way { down, up, same };

// The input of a convolution in its type and layout. A thin layer takes float as it is.
at::Tensor gpu_convolution_input(const at::Tensor &x, const at::Tensor &w, way to);
// x from gpu_convolution_input; w channels innermost. The result has w's type and layout.
at::Tensor gpu_convolution(const at::Tensor &x, const at::Tensor &w, way to);

struct gpu_gradients {
    at::Tensor x, weight; // weight: of w's type and layout
};
// g: of the result's type and layout. wanted: x, weight; the others stay undefined.
gpu_gradients gpu_convolution_gradients(const at::Tensor &x, const at::Tensor &g, const at::Tensor &w, way to,
                                        std::array<bool, 2> wanted);

} // namespace shim
