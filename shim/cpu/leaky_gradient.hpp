// The gradient of what LeakyReLU was given, and its sum over pixels, in one pass over memory.
#pragma once

#include <ATen/ATen.h>

namespace shim
{

struct leaky_gradients {
    at::Tensor input, bias; // bias: float, one a channel; undefined where it is not wanted
};

// `gradient`: of y, the output of LeakyReLU with `slope`; both (n, C, H, W) in memory
// channels-last, float or bfloat16, on a CPU. With slope 1 `input` is `gradient` itself.
leaky_gradients leaky_gradient(const at::Tensor &gradient, const at::Tensor &y, double slope,
                               bool bias_wanted);

} // namespace shim
