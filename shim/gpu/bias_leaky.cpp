#include "bias_leaky.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "cuda_kernels.hpp"
#include "shim_priv.hpp"

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace shim
{
namespace
{

constexpr unsigned threads = 256, blocks_max = 1024;
constexpr unsigned columns_x = 8, columns_y = 128; // threads of column_sums

// The grid and the pack size for a tensor: see kernels.cu.
struct walk {
    int64_t rows;
    int packs, lanes; // lanes: channels in a pack
    const char *suffix;

    explicit walk(const at::Tensor &x)
    {
        bool is_float = x.scalar_type() == at::kFloat;
        int whole = is_float ? 4 : 8;
        bool in_packs =
            x.size(1) % whole == 0 && reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
        lanes = in_packs ? whole : 1;
        rows = x.size(0) * x.size(2) * x.size(3);
        packs = int(x.size(1) / lanes);
        suffix = in_packs ? (is_float ? "f32" : "bf16") : (is_float ? "f32_single" : "bf16_single");
    }

    kernels::grid grid() const
    {
        unsigned wide = std::min(threads, unsigned(packs)), high = threads / wide;
        auto blocks = std::min<int64_t>((rows + high - 1) / high, blocks_max);
        return {.blocks_x = unsigned(blocks),
                .blocks_y = (unsigned(packs) + wide - 1) / wide,
                .threads_x = wide,
                .threads_y = high,
                .shared_bytes = unsigned(sizeof(float)) * wide * high * unsigned(lanes)};
    }

    void launch(const at::Tensor &x, const std::string &kernel,
                std::initializer_list<const void *> arguments) const
    {
        kernels::launch(x.device(), (kernel + suffix).c_str(), grid(), arguments);
    }
};

struct bias_leaky_function : torch::autograd::Function<bias_leaky_function> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &bias,
                              double slope)
    {
        at::Tensor y = channels_last(x);
        if (y.is_same(x))
            ctx->mark_dirty({y});
        const walk w(y);
        void *at = y.mutable_data_ptr();
        const float *b = bias.const_data_ptr<float>();
        const float s = float(slope);
        w.launch(y, "bias_leaky_", {&at, &b, &w.rows, &w.packs, &s});
        ctx->save_for_backward({y});
        ctx->saved_data["slope"] = slope;
        return y;
    }

    static variable_list backward(AutogradContext *ctx, variable_list gradients)
    {
        refuse_second_derivatives();
        const at::Tensor y = ctx->get_saved_variables()[0], g = channels_last(gradients[0]);
        const float slope = float(ctx->saved_data["slope"].toDouble());
        const walk w(y);
        const kernels::grid grid = w.grid();
        const int channels = int(y.size(1)), parts = int(grid.blocks_x);
        at::Tensor dx = at::empty_like(y),
                   db = at::empty({channels}, y.options().dtype(at::kFloat)),
                   partial = at::empty({parts, channels}, db.options());
        const void *from = g.const_data_ptr(), *of = y.const_data_ptr();
        void *to = dx.mutable_data_ptr();
        float *sums = partial.mutable_data_ptr<float>(), *sum = db.mutable_data_ptr<float>();
        w.launch(y, "bias_leaky_backward_", {&from, &of, &to, &sums, &w.rows, &w.packs, &slope});
        const kernels::grid columns = {.blocks_x = (unsigned(channels) + columns_x - 1) / columns_x,
                                       .blocks_y = 1,
                                       .threads_x = columns_x,
                                       .threads_y = columns_y,
                                       .shared_bytes = 0};
        kernels::launch(y.device(), "column_sums", columns, {&sums, &sum, &parts, &channels});
        return {dx, db, at::Tensor()};
    }
};

} // namespace

bool bias_leaky_suits(const at::Tensor &x, const at::Tensor &bias)
{
    bool types = (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
                 bias.scalar_type() == at::kFloat && bias.is_contiguous();
    return x.is_cuda() && types && x.dim() == 4 && x.numel() > 0 && kernels::available(x.device());
}

at::Tensor bias_leaky(const at::Tensor &x, const at::Tensor &bias, double slope)
{
    return bias_leaky_function::apply(x, bias, slope);
}

} // namespace shim
