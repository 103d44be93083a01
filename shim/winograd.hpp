// Winograd's minimal filtering for 4 x 4 convolutions of stride 2 with padding 1, and their
// transposes, with channels innermost.
//
// Such a convolution is one of 2 x 2 and stride 1 over cells of 2 x 2 pixels: a pixel's place in its
// cell counts as a channel. F(2 x 2, 2 x 2) computes 2 x 2 of its outputs from 3 x 3 cells with 9
// multiplications instead of 16 (Winograd 1980; Lavin and Gray: "Fast algorithms for convolutional
// neural networks", CVPR 2016). Along one axis, d0 d1 d2 being cells and g0 g1 the filter:
//
//   V = d0 - d1, d1, d2 - d1    U = g0, g0 + g1, g1    M = V * U    outputs M0 + M1, M1 + M2
//
// No step divides or scales, so rounding errors are no larger than those of the plain sum. Over all
// tiles and channels, V * U is nine products of matrices. The gradients, and the transpose, are the
// adjoint of these steps.
//
//   "outer": the side of twice the resolution, (n, H, W, C)      "inner": (n, H/2, W/2, K)
//   weights (K, C, 4, 4)      V: (9, tiles, 4 C)      M: (9, tiles, K)      a tile: 4 x 4 pixels
#pragma once

#include <ATen/ATen.h>

namespace winograd
{

// Is there something to gain? x is the outer side's tensor or the inner one's.
bool suits(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, bool x_is_outer,
           at::ScalarType dtype);

// inner = leaky_relu(conv(outer, weight) + bias). Tensors are float or bfloat16 and channels-last,
// weight and bias float.
at::Tensor halve(const at::Tensor &outer, const at::Tensor &weight, const at::Tensor &bias,
                 double slope);
// outer = leaky_relu(conv_transpose(inner, weight) + bias).
at::Tensor twice(const at::Tensor &inner, const at::Tensor &weight, const at::Tensor &bias,
                 double slope);
// Gradient of the sum of conv(outer, weight) * inner with respect to weight.
at::Tensor weight_gradient(const at::Tensor &outer, const at::Tensor &inner,
                           const at::Tensor &weight);

} // namespace winograd
