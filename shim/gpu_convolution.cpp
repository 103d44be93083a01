#include "gpu_convolution.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <array>

#include "cuda_kernels.hpp"

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace shim
{
namespace
{

constexpr int64_t thin = 4; // channels outside, at most, of a layer that is computed as 3 x 3

void move_taps(const char *kernel, const at::Tensor &from, const at::Tensor &to)
{
    constexpr unsigned threads = 128;
    const int64_t pairs = from.size(0) * from.size(1);
    const int channels = int(from.size(1)), taps = int(from.size(2) * from.size(3));
    const void *source = from.const_data_ptr();
    void *target = to.mutable_data_ptr();
    kernels::launch(from.device(), kernel,
                    {.blocks_x = unsigned((pairs + threads - 1) / threads),
                     .blocks_y = 1,
                     .threads_x = threads,
                     .threads_y = 1,
                     .shared_bytes = 0},
                    {&source, &target, &pairs, &channels, &taps});
}

// A weight in another type, channels innermost, and its gradient back.
struct turned : torch::autograd::Function<turned> {
    static at::Tensor forward(AutogradContext *, const at::Tensor &weight, at::ScalarType dtype)
    {
        at::Tensor w = at::empty(weight.sizes(), weight.options().dtype(dtype),
                                 at::MemoryFormat::ChannelsLast);
        move_taps(dtype == at::kFloat ? "taps_outward_f32" : "taps_outward_bf16", weight, w);
        return w;
    }

    static variable_list backward(AutogradContext *, variable_list gradients)
    {
        TORCH_CHECK(!at::GradMode::is_enabled(), "this layer has first derivatives only; use "
                                                 "shim_conv2d where second ones are needed");
        at::Tensor from = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
        at::Tensor to =
            at::empty(from.sizes(), from.options().dtype(at::kFloat), at::MemoryFormat::Contiguous);
        move_taps(from.scalar_type() == at::kFloat ? "taps_inward_f32" : "taps_inward_bf16", from,
                  to);
        return {to, at::Tensor()};
    }
};

at::Tensor channels_last(const at::Tensor &x, at::ScalarType dtype)
{
    return x.to(dtype, /*non_blocking=*/false, /*copy=*/false, at::MemoryFormat::ChannelsLast);
}

at::Tensor turn(const at::Tensor &weight, at::ScalarType dtype)
{
    return weight.is_contiguous() ? turned::apply(weight, dtype) : channels_last(weight, dtype);
}

at::Tensor convolve(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding,
                    bool transposed)
{
    const std::array<int64_t, 2> strides = {stride, stride}, pads = {padding, padding},
                                 one = {1, 1}, zero = {0, 0};
    return at::convolution(x, weight, {}, strides, pads, one, transposed, zero, /*groups=*/1);
}

/*
 * Which of the 4 taps of a transposed convolution's axis meets which pixel: an output pixel 2 i + d
 * sees the inputs i - 1, i, i + 1 (u = 0, 1, 2) through these, or (-1) not. As a matrix of 0 and 1
 * from the 4 x 4 taps to (d, u) of both axes, (16, 36): its product with weights moves them,
 * exactly.
 */
at::Tensor tap_matrix(at::Device device)
{
    static constexpr int tap[2][3] = {
        {3,  1, -1},
        {-1, 2, 0 }
    };
    at::Tensor matrix = at::zeros({4, 4, 2, 3, 2, 3});
    auto m = matrix.accessor<float, 6>();
    for (int dy = 0; dy < 2; dy++)
        for (int u = 0; u < 3; u++)
            for (int dx = 0; dx < 2; dx++)
                for (int v = 0; v < 3; v++)
                    if (tap[dy][u] >= 0 && tap[dx][v] >= 0)
                        m[tap[dy][u]][tap[dx][v]][dy][u][dx][v] = 1.0f;
    return matrix.view({16, 36}).to(device);
}

// Kept for the life of the process: it is on the device before a pass is recorded.
const at::Tensor &tap_matrix_of(at::Device device)
{
    static thread_local std::array<at::Tensor *, 64> kept = {};
    at::Tensor *&matrix = kept.at(size_t(device.index()));
    if (!matrix)
        matrix = new at::Tensor(tap_matrix(device));
    return *matrix;
}

/*
 * A transposed convolution to a few channels, as a plain one of 3 x 3 that gives the 2 x 2 pixels
 * of a cell as channels: cuDNN's kernels for it fill the tensor cores, those for 3 channels do not.
 * Half the time in bf16, three quarters in TF32.
 */
at::Tensor twice_thin(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype)
{
    const int64_t n = x.size(0), inner = weight.size(0), outer = weight.size(1), high = x.size(2),
                  wide = x.size(3), cell = 4 * outer, padded = (cell + 7) / 8 * 8;
    at::Tensor moved = at::matmul(weight.reshape({inner * outer, 16}), tap_matrix_of(x.device()));
    at::Tensor w = moved
                       .view({inner, outer, 2, 3, 2, 3}) // dy u dx v
                       .permute({2, 4, 1, 0, 3, 5})      // dy dx outer inner u v
                       .reshape({cell, inner, 3, 3});
    w = at::constant_pad_nd(w, {0, 0, 0, 0, 0, 0, 0, padded - cell});
    at::Tensor cells = convolve(channels_last(x, dtype), channels_last(w, dtype), 1, 1, false);
    return cells.narrow(1, 0, cell)
        .view({n, 2, 2, outer, high, wide})
        .permute({0, 4, 1, 5, 2, 3}) // n y dy x dx outer
        .reshape({n, 2 * high, 2 * wide, outer})
        .permute({0, 3, 1, 2});
}

} // namespace

at::Tensor gpu_halve(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype)
{
    return convolve(channels_last(x, dtype), turn(weight, dtype), 2, 1, false);
}

at::Tensor gpu_twice(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype)
{
    if (weight.size(1) <= thin)
        return twice_thin(x, weight, dtype);
    return convolve(channels_last(x, dtype), turn(weight, dtype), 2, 1, true);
}

at::Tensor gpu_keep(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype)
{
    return convolve(channels_last(x, dtype), turn(weight, dtype), 1, weight.size(2) / 2, false);
}

} // namespace shim
