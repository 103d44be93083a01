// The gradient of LeakyReLU's input, and its sum over pixels (the bias's gradient), in one pass.
#pragma once

#include <ATen/ATen.h>

namespace shim
{

struct leaky_gradients {
    at::Tensor input, bias; // bias: float, one for each channel; undefined if not asked for
};

// `gradient` is the gradient of y, and y is the output of LeakyReLU with `slope`. Both are
// (n, C, H, W), channels-last, float or bfloat16, on a CPU. With slope 1 the result's `input` is
// `gradient` itself.
leaky_gradients leaky_gradient(const at::Tensor &gradient, const at::Tensor &y, double slope,
                               bool bias_wanted);

} // namespace shim
