#include "gpu_convolution.hpp"

#include <array>

#include "cuda_kernels.hpp"
#include "shim_priv.hpp"

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

at::Tensor channels_last_as(at::ScalarType dtype, const at::Tensor &x)
{
    return channels_last(x.to(dtype)); // to() alone leaves a slice of channels with its strides
}

struct steps {
    std::array<int64_t, 2> stride, padding;
    bool transposed;
};

steps steps_of(const at::Tensor &w, way to)
{
    const int64_t stride = to == way::same ? 1 : 2, padding = to == way::same ? w.size(2) / 2 : 1;
    return {
        {stride,  stride },
        {padding, padding},
        to == way::up
    };
}

constexpr std::array<int64_t, 2> one = {1, 1}, zero = {0, 0};

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

at::Tensor thin_down(const at::Tensor &x, const at::Tensor &w)
{
    at::Tensor y = at::empty({x.size(0), w.size(0), x.size(2) / 2, x.size(3) / 2}, w.options(),
                             at::MemoryFormat::ChannelsLast);
    at::Tensor rows = rows_of(y); // shares y's memory
    at::mm_out(rows, gather_windows(x, w.scalar_type()), matrix_of(w).t());
    return y;
}

at::Tensor thin_up(const at::Tensor &x, const at::Tensor &w)
{
    return scatter_windows(at::mm(rows_of(x), matrix_of(w)), x.size(0), int(x.size(2)),
                           int(x.size(3)));
}

// Gathers the windows of x again: they hold 4 times the numbers of x.
gpu_gradients thin_down_gradients(const at::Tensor &x, const at::Tensor &g, const at::Tensor &w,
                                  std::array<bool, 2> wanted)
{
    at::Tensor dx, dw;
    if (wanted[0])
        dx = scatter_windows(at::mm(rows_of(g), matrix_of(w)), x.size(0), int(x.size(2) / 2),
                             int(x.size(3) / 2));
    if (wanted[1])
        dw = weight_of(tall_product(rows_of(g), gather_windows(x, w.scalar_type())));
    return {dx, dw};
}

gpu_gradients thin_up_gradients(const at::Tensor &x, const at::Tensor &g, const at::Tensor &w,
                                std::array<bool, 2> wanted)
{
    at::Tensor windows = gather_windows(g, w.scalar_type()), dx, dw;
    if (wanted[0])
        dx = at::mm(windows, matrix_of(w).t())
                 .view({x.size(0), x.size(2), x.size(3), x.size(1)})
                 .permute({0, 3, 1, 2});
    if (wanted[1])
        dw = weight_of(tall_product(rows_of(x), windows));
    return {dx, dw};
}

// true if a layer is thin, and its sizes suit windows and the tensor cores.
bool is_thin(const at::Tensor &x, const at::Tensor &w, way to)
{
    constexpr int64_t few = 4;
    return to != way::same && w.size(1) <= few && w.size(0) % 8 == 0 &&
           (to == way::up || (x.size(2) % 2 == 0 && x.size(3) % 2 == 0));
}

} // namespace

at::Tensor gpu_convolution_input(const at::Tensor &x, const at::Tensor &w, way to)
{
    bool as_it_is = to == way::down && is_thin(x, w, to);
    return channels_last_as(as_it_is ? x.scalar_type() : w.scalar_type(), x);
}

at::Tensor gpu_convolution(const at::Tensor &x, const at::Tensor &w, way to)
{
    if (is_thin(x, w, to)) {
        as_convolutions precision;
        return to == way::down ? thin_down(x, w) : thin_up(x, w);
    }
    const steps s = steps_of(w, to);
    return channels_last(
        at::convolution(x, w, {}, s.stride, s.padding, one, s.transposed, zero, /*groups=*/1));
}

gpu_gradients gpu_convolution_gradients(const at::Tensor &x, const at::Tensor &g,
                                        const at::Tensor &w, way to, std::array<bool, 2> wanted)
{
    if (is_thin(x, w, to)) {
        as_convolutions precision;
        return (to == way::down ? thin_down_gradients : thin_up_gradients)(x, g, w, wanted);
    }
    const steps s = steps_of(w, to);
    auto [dx, dw, none] =
        at::convolution_backward(g, x, w, {}, s.stride, s.padding, one, s.transposed, zero,
                                 /*groups=*/1, {wanted[0], wanted[1], false});
    return {dx, dw};
}

} // namespace shim
