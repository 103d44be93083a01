#include "gpu_convolution.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <array>

#include "cuda_kernels.hpp"
#include "shim_priv.hpp"

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace shim
{
namespace
{

kernels::grid a_thread_each(int64_t count)
{
    constexpr unsigned threads = 256;
    return {.blocks_x = unsigned((count + threads - 1) / threads),
            .blocks_y = 1,
            .threads_x = threads,
            .threads_y = 1,
            .shared_bytes = 0};
}

void move_taps(const char *kernel, const at::Tensor &from, const at::Tensor &to)
{
    const int64_t pairs = from.size(0) * from.size(1);
    const int channels = int(from.size(1)), taps = int(from.size(2) * from.size(3));
    const void *source = from.const_data_ptr();
    void *target = to.mutable_data_ptr();
    kernels::launch(from.device(), kernel, a_thread_each(pairs),
                    {&source, &target, &pairs, &channels, &taps});
}

// Forward: a weight in another type, channels innermost. Backward: its gradient, converted back.
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
        refuse_second_derivatives();
        at::Tensor from = channels_last(gradients[0]);
        at::Tensor to =
            at::empty(from.sizes(), from.options().dtype(at::kFloat), at::MemoryFormat::Contiguous);
        move_taps(from.scalar_type() == at::kFloat ? "taps_inward_f32" : "taps_inward_bf16", from,
                  to);
        return {to, at::Tensor()};
    }
};

at::Tensor channels_last_as(at::ScalarType dtype, const at::Tensor &x)
{
    return x.to(dtype, /*non_blocking=*/false, /*copy=*/false, at::MemoryFormat::ChannelsLast);
}

at::Tensor turn(const at::Tensor &weight, at::ScalarType dtype)
{
    return weight.is_contiguous() ? turned::apply(weight, dtype) : channels_last_as(dtype, weight);
}

at::Tensor convolve(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding,
                    bool transposed)
{
    const std::array<int64_t, 2> strides = {stride, stride}, pads = {padding, padding},
                                 one = {1, 1}, zero = {0, 0};
    return at::convolution(x, weight, {}, strides, pads, one, transposed, zero, /*groups=*/1);
}

/* ---- Thin layers ---------------------------------------------------------------------------- */

// 4 x 4 convolutions of stride 2, and their transposes, with at most 4 channels at the higher
// resolution. cuDNN does not use the tensor cores for them. Here they are products of matrices in
// which a row of 16 C numbers is a window of 4 x 4 pixels, limited by memory bandwidth only.

// From pictures (n, C, H, W), channels innermost, windows (n H/2 W/2, 16 C) in dtype.
at::Tensor gather_windows(const at::Tensor &pictures, at::ScalarType dtype)
{
    const int channels = int(pictures.size(1)), high = int(pictures.size(2) / 2),
              wide = int(pictures.size(3) / 2);
    const int64_t windows = pictures.size(0) * high * wide, count = 4 * windows;
    at::Tensor to = at::empty({windows, 16 * channels}, pictures.options().dtype(dtype));
    const void *source = pictures.const_data_ptr();
    void *target = to.mutable_data_ptr();
    const char *kernel = pictures.scalar_type() == at::kBFloat16 ? "gather_windows_bf16_bf16"
                         : dtype == at::kBFloat16                ? "gather_windows_f32_bf16"
                                                                 : "gather_windows_f32_f32";
    kernels::launch(pictures.device(), kernel, a_thread_each(count),
                    {&source, &target, &count, &high, &wide, &channels});
    return to;
}

// Adds windows (n high wide, 16 C) up to pictures (n, C, 2 high, 2 wide), channels innermost.
at::Tensor scatter_windows(const at::Tensor &windows, int64_t n, int high, int wide)
{
    const int channels = int(windows.size(1) / 16);
    const int64_t count = n * 4 * high * wide;
    at::Tensor to = at::empty({n, channels, 2 * high, 2 * wide}, windows.options(),
                              at::MemoryFormat::ChannelsLast);
    const void *source = windows.const_data_ptr();
    void *target = to.mutable_data_ptr();
    const char *kernel =
        windows.scalar_type() == at::kFloat ? "scatter_windows_f32" : "scatter_windows_bf16";
    kernels::launch(windows.device(), kernel, a_thread_each(count),
                    {&source, &target, &count, &high, &wide, &channels});
    return to;
}

// While it lives, matrix products may use TF32 if convolutions may.
class as_convolutions
{
  public:
    as_convolutions() : before_(at::globalContext().allowTF32CuBLAS())
    {
        at::globalContext().setAllowTF32CuBLAS(at::globalContext().allowTF32CuDNN());
    }
    ~as_convolutions()
    {
        at::globalContext().setAllowTF32CuBLAS(before_);
    }
    as_convolutions(const as_convolutions &) = delete;
    as_convolutions &operator=(const as_convolutions &) = delete;

  private:
    bool before_;
};

// a^T b (m, n) of tall matrices a (rows, m) and b (rows, n). Computed in parts of the rows; the
// parts are added in float and in order.
at::Tensor tall_product(const at::Tensor &a, const at::Tensor &b)
{
    constexpr int64_t most = 128;
    int64_t parts = most;
    while (a.size(0) % parts != 0)
        parts /= 2;
    auto split = [&](const at::Tensor &t) { return t.reshape({parts, -1, t.size(1)}); };
    at::Tensor products = at::bmm(split(a).transpose(1, 2), split(b));
    return products.sum(0, /*keepdim=*/false, at::kFloat).to(a.scalar_type());
}

// (n, C, H, W), channels innermost, as (n H W, C).
at::Tensor rows_of(const at::Tensor &x)
{
    return x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)});
}

// weight (K, C, 4, 4), channels innermost, as (K, 16 C), and back.
at::Tensor matrix_of(const at::Tensor &weight)
{
    return weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1});
}

at::Tensor weight_of(const at::Tensor &matrix)
{
    return matrix.view({matrix.size(0), 4, 4, -1}).permute({0, 3, 1, 2});
}

struct thin_conv_down : torch::autograd::Function<thin_conv_down> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight)
    {
        as_convolutions precision;
        ctx->save_for_backward({x, weight});
        at::Tensor y = at::empty({x.size(0), weight.size(0), x.size(2) / 2, x.size(3) / 2},
                                 weight.options(), at::MemoryFormat::ChannelsLast);
        at::Tensor rows = y.permute({0, 2, 3, 1}).view({-1, y.size(1)}); // shares y's memory
        at::mm_out(rows, gather_windows(x, weight.scalar_type()), matrix_of(weight).t());
        return y;
    }

    static variable_list backward(AutogradContext *ctx, variable_list gradients)
    {
        refuse_second_derivatives();
        as_convolutions precision;
        variable_list saved = ctx->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1];
        at::Tensor g = rows_of(channels_last_as(weight.scalar_type(), gradients[0])), dx, dw;
        if (ctx->needs_input_grad(0))
            dx = scatter_windows(at::mm(g, matrix_of(weight)), x.size(0), int(x.size(2) / 2),
                                 int(x.size(3) / 2))
                     .to(x.scalar_type());
        if (ctx->needs_input_grad(1)) // gathers again: windows hold 4 times the numbers of x
            dw = weight_of(tall_product(g, gather_windows(x, weight.scalar_type())));
        return {dx, dw};
    }
};

struct thin_conv_up : torch::autograd::Function<thin_conv_up> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight)
    {
        as_convolutions precision;
        ctx->save_for_backward({x, weight});
        return scatter_windows(at::mm(rows_of(x), matrix_of(weight)), x.size(0), int(x.size(2)),
                               int(x.size(3)));
    }

    static variable_list backward(AutogradContext *ctx, variable_list gradients)
    {
        refuse_second_derivatives();
        as_convolutions precision;
        variable_list saved = ctx->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1];
        at::Tensor g = channels_last_as(weight.scalar_type(), gradients[0]), dx, dw;
        at::Tensor windows = gather_windows(g, weight.scalar_type());
        if (ctx->needs_input_grad(0))
            dx = at::mm(windows, matrix_of(weight).t())
                     .view({x.size(0), x.size(2), x.size(3), x.size(1)})
                     .permute({0, 3, 1, 2});
        if (ctx->needs_input_grad(1))
            dw = weight_of(tall_product(rows_of(x), windows));
        return {dx, dw};
    }
};

// true if a layer is thin, and its sizes suit windows and the tensor cores.
bool is_thin(const at::Tensor &x, const at::Tensor &weight, bool down)
{
    constexpr int64_t few = 4;
    return weight.size(1) <= few && weight.size(0) % 8 == 0 &&
           (!down || (x.size(2) % 2 == 0 && x.size(3) % 2 == 0));
}

} // namespace

at::Tensor gpu_conv_down(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype)
{
    at::Tensor w = turn(weight, dtype);
    if (is_thin(x, weight, true)) // takes float x as it is
        return thin_conv_down::apply(channels_last(x), w);
    return convolve(channels_last_as(dtype, x), w, 2, 1, false);
}

at::Tensor gpu_conv_up(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype)
{
    at::Tensor from = channels_last_as(dtype, x), w = turn(weight, dtype);
    return is_thin(x, weight, false) ? thin_conv_up::apply(from, w) : convolve(from, w, 2, 1, true);
}

at::Tensor gpu_conv_same(const at::Tensor &x, const at::Tensor &weight, at::ScalarType dtype)
{
    return convolve(channels_last_as(dtype, x), turn(weight, dtype), 1, weight.size(2) / 2, false);
}

} // namespace shim
