// Our own CPU layers (winograd.cpp, picture_layer.cpp): 4 x 4 convolutions of stride 2 with padding
// 1, and their transposes.
//
//   outer: the tensor of the higher resolution, shape (n, C, H, W), in memory (n, H, W, C)
//   inner: the tensor of the lower resolution, (n, K, H/2, W/2), in memory (n, H/2, W/2, K)
//   weights: (K, C, 4, 4)
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "panels.hpp"

#if AT_PARALLEL_OPENMP && !defined(_OPENMP)
#error "compile with OpenMP: without it at::parallel_for runs on one thread"
#endif

namespace shim
{

// Gradients with respect to a layer's inputs; undefined if cpu_wanted does not ask for them. weight is cpu_wanted's.
struct cpu_gradients {
    at::Tensor x, weight;
};

struct cpu_wanted {
    bool x;
    at::Tensor weight; // memory for the weight's gradient; undefined: not wanted
};

// One implementation of the layers. Its tensors are channels-last and all float or all bfloat16;
// weight and bias are float.
struct cpu_layer {
    // inner = leaky_relu(conv(outer, weight) + bias)
    at::Tensor (*conv_down)(const at::Tensor &outer, const at::Tensor &weight,
                            const at::Tensor &bias, float slope);
    // outer = leaky_relu(conv_transpose(inner, weight) + bias)
    at::Tensor (*conv_up)(const at::Tensor &inner, const at::Tensor &weight, const at::Tensor &bias,
                          float slope);
    // Gradients of sum(conv(x, weight) * g) with x the outer tensor, and of
    // sum(conv_transpose(x, weight) * g) with x the inner tensor.
    cpu_gradients (*conv_down_gradients)(const at::Tensor &x, const at::Tensor &g,
                                         const at::Tensor &weight, const cpu_wanted &wanted);
    cpu_gradients (*conv_up_gradients)(const at::Tensor &x, const at::Tensor &g,
                                       const at::Tensor &weight, const cpu_wanted &wanted);
};

// The implementations. nullptr: it cannot compute this layer, or is not faster than libtorch. x is
// the outer or the inner tensor; the caller converts it to dtype later.
const cpu_layer *winograd_layer(const at::Tensor &x, const at::Tensor &weight,
                                const at::Tensor &bias, bool x_is_outer, at::ScalarType dtype);
const cpu_layer *picture_layer(const at::Tensor &x, const at::Tensor &weight,
                               const at::Tensor &bias, bool x_is_outer, at::ScalarType dtype);

inline bool is_plain_float(const at::Tensor &t)
{
    return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous();
}

// true if this is a 4 x 4 layer on a CPU that multiplies dtype, and height and width of the outer
// tensor are multiples of `tile` pixels.
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

// Cuts n pictures into parts of whole blocks, one for each thread, and runs fn(part, first, last)
// on each. The cut depends only on the number of threads. Returns the number of parts.
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

// Adds the sums of all parts, in order, to the first one and returns it.
inline at::Tensor sum_of_parts(const std::vector<at::Tensor> &sums, int64_t parts)
{
    for (int64_t i = 1; i < parts; i++)
        sums[0].add_(sums[size_t(i)]);
    return sums[0];
}

} // namespace shim
