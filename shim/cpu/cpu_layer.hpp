// What the CPU's layers have in common (winograd.cpp, picture_layer.cpp): 4 x 4 convolutions of
// stride 2 with padding 1, and their transposes.
//
//   "outer": the side of twice the resolution, (n, H, W, C)      "inner": (n, H/2, W/2, K)
//   weights (K, C, 4, 4)
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "panels.hpp"

#if AT_PARALLEL_OPENMP && !defined(_OPENMP)
#error "without OpenMP at::parallel_for is a plain loop: all of it would run on one thread"
#endif

namespace shim
{

// Gradients of a layer with respect to what it was given; undefined where they were not wanted.
struct cpu_gradients {
    at::Tensor x, weight;
};

struct cpu_wanted {
    bool x, weight;
};

// A way to compute them. Tensors are float or bfloat16, the same in all, and channels-last; weight
// and bias are float.
struct cpu_layer {
    // inner = leaky_relu(conv(outer, weight) + bias)
    at::Tensor (*halve)(const at::Tensor &outer, const at::Tensor &weight, const at::Tensor &bias,
                        float slope);
    // outer = leaky_relu(conv_transpose(inner, weight) + bias)
    at::Tensor (*twice)(const at::Tensor &inner, const at::Tensor &weight, const at::Tensor &bias,
                        float slope);
    // Of the sum of conv(x, weight) * g, x being the outer side; and of conv_transpose(x, weight) * g,
    // x being the inner side.
    cpu_gradients (*halve_gradients)(const at::Tensor &x, const at::Tensor &g,
                                     const at::Tensor &weight, cpu_wanted wanted);
    cpu_gradients (*twice_gradients)(const at::Tensor &x, const at::Tensor &g,
                                     const at::Tensor &weight, cpu_wanted wanted);
};

// The ways: nullptr where one cannot, or gains nothing. x is the outer side's tensor or the inner
// one's, and will be of type dtype.
const cpu_layer *winograd_layer(const at::Tensor &x, const at::Tensor &weight,
                                const at::Tensor &bias, bool x_is_outer, at::ScalarType dtype);
const cpu_layer *picture_layer(const at::Tensor &x, const at::Tensor &weight,
                               const at::Tensor &bias, bool x_is_outer, at::ScalarType dtype);

inline bool is_plain_float(const at::Tensor &t)
{
    return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous();
}

// Is it such a layer, on a CPU that multiplies dtype? Sizes of x that divide into `tile` pixels of
// the outer side are wanted.
inline bool is_cpu_layer(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                         bool x_is_outer, at::ScalarType dtype, int64_t tile)
{
    if (!x.is_cpu() || !is_plain_float(weight) || !is_plain_float(bias) || x.dim() != 4 ||
        weight.dim() != 4 || bias.numel() != weight.size(x_is_outer ? 0 : 1) ||
        !(dtype == at::kFloat || (dtype == at::kBFloat16 && panels::multiplies_bf16())))
        return false;
    int64_t of_x = x_is_outer ? tile : tile / 2;
    return weight.size(2) == 4 && weight.size(3) == 4 && x.size(2) % of_x == 0 &&
           x.size(3) % of_x == 0 && x.size(1) == weight.size(x_is_outer ? 1 : 0);
}

// The pixels of one picture of a channels-last tensor.
template <class E> const E *picture(const at::Tensor &x, int64_t i)
{
    return x.const_data_ptr<E>() + i * x.stride(0);
}

template <class E> E *picture(at::Tensor &x, int64_t i)
{
    return x.mutable_data_ptr<E>() + i * x.stride(0);
}

// Runs fn(part, first, last) over parts of n pictures, a thread each, cut at whole blocks: the cut,
// and so every sum, depends on the number of threads only. Returns how many parts there were.
template <class F> int64_t in_parts(int64_t n, int64_t block, F fn)
{
    int64_t blocks = (n + block - 1) / block;
    int64_t parts = std::min<int64_t>(at::get_num_threads(), blocks);
    at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++)
            fn(i, blocks * i / parts * block, std::min(blocks * (i + 1) / parts * block, n));
    });
    return parts;
}

// What the parts summed, added up in their order into the first.
inline at::Tensor sum_of_parts(const std::vector<at::Tensor> &sums, int64_t parts)
{
    for (int64_t i = 1; i < parts; i++)
        sums[0].add_(sums[size_t(i)]);
    return sums[0];
}

} // namespace shim
