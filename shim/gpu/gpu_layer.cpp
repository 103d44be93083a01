#include "gpu_layer.hpp"

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
constexpr unsigned most_threads = 1024, columns = 8; // of a block of parameter_gradients

// The grid and the pack size for a tensor: see kernels.cu.
struct walk {
    int64_t rows;
    int packs, lanes; // lanes: channels in a pack
    const char *suffix;

    // also: more memory that is read in the same packs
    explicit walk(const at::Tensor &x, const void *also = nullptr)
    {
        bool is_float = x.scalar_type() == at::kFloat;
        int whole = is_float ? 4 : 8;
        auto address = [](const void *p) { return reinterpret_cast<uintptr_t>(p); };
        bool in_packs =
            x.size(1) % whole == 0 && (address(x.const_data_ptr()) | address(also)) % 16 == 0;
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

// y = leaky_relu(y + bias)
void bias_leaky(const at::Tensor &y, const at::Tensor &bias, float slope)
{
    const walk w(y);
    void *at = y.mutable_data_ptr();
    const float *b = bias.const_data_ptr<float>();
    w.launch(y, "bias_leaky_", {&at, &b, &w.rows, &w.packs, &slope});
}

struct leaky_gradients {
    at::Tensor x, partial; // partial (parts, channels): their sums are the bias's gradient
};

leaky_gradients bias_leaky_backward(const at::Tensor &g, const at::Tensor &y, float slope)
{
    const walk w(y, g.const_data_ptr());
    at::Tensor dx = at::empty_like(y), partial = at::empty({int64_t(w.grid().blocks_x), y.size(1)},
                                                           y.options().dtype(at::kFloat));
    const void *from = g.const_data_ptr(), *of = y.const_data_ptr();
    void *to = dx.mutable_data_ptr();
    float *sums = partial.mutable_data_ptr<float>();
    w.launch(y, "bias_leaky_backward_", {&from, &of, &to, &sums, &w.rows, &w.packs, &slope});
    return {dx, partial};
}

unsigned blocks_for(int64_t count, unsigned each)
{
    return unsigned((count + each - 1) / each);
}

kernels::grid in_line(unsigned blocks, unsigned threads_x, unsigned threads_y = 1)
{
    return {.blocks_x = blocks,
            .blocks_y = 1,
            .threads_x = threads_x,
            .threads_y = threads_y,
            .shared_bytes = 0};
}

// The last step of both gradients, in one launch: adds up the parts of the bias's, and turns the
// weight's back. db or dw may be undefined.
void finish_gradients(const at::Tensor &partial, const at::Tensor &db, const at::Tensor &turned,
                      const at::Tensor &dw)
{
    const float *parts = partial.const_data_ptr<float>();
    float *bias = db.defined() ? db.mutable_data_ptr<float>() : nullptr;
    const void *from = dw.defined() ? turned.const_data_ptr() : nullptr;
    float *to = dw.defined() ? dw.mutable_data_ptr<float>() : nullptr;
    const int n_parts = int(partial.size(0)), n_columns = int(partial.size(1));
    const int64_t pairs = dw.defined() ? dw.size(0) * dw.size(1) : 0;
    const int channels = dw.defined() ? int(dw.size(1)) : 1,
              taps = dw.defined() ? int(dw.size(2) * dw.size(3)) : 0;
    const unsigned bias_blocks = db.defined() ? blocks_for(n_columns, columns) : 0;
    const unsigned blocks = bias_blocks + blocks_for(pairs, most_threads);
    if (blocks == 0)
        return;
    bool is_bf16 = dw.defined() && turned.scalar_type() == at::kBFloat16;
    kernels::launch(partial.device(),
                    is_bf16 ? "parameter_gradients_bf16" : "parameter_gradients_f32",
                    in_line(blocks, most_threads),
                    {&parts, &bias, &n_parts, &n_columns, &bias_blocks, &from, &to, &pairs,
                     &channels, &taps});
}

struct gpu_function : torch::autograd::Function<gpu_function> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight,
                              const at::Tensor &bias, const at::Tensor &w, double slope, way to)
    {
        at::Tensor from = gpu_convolution_input(x, w, to);
        at::Tensor y = gpu_convolution(from, w, to);
        bias_leaky(y, bias, float(slope));
        ctx->save_for_backward({from, w, y, weight, bias});
        ctx->saved_data["slope"] = slope;
        ctx->saved_data["way"] = int64_t(to);
        ctx->saved_data["type"] = int64_t(x.scalar_type());
        return y;
    }

    static variable_list backward(AutogradContext *ctx, variable_list gradients)
    {
        refuse_second_derivatives();
        const variable_list saved = ctx->get_saved_variables();
        const at::Tensor &x = saved[0], &w = saved[1], &y = saved[2];
        auto memory = [&](size_t input, const at::Tensor &of) {
            return ctx->needs_input_grad(input) ? gradient_memory(of) : at::Tensor();
        };
        auto [g, partial] = bias_leaky_backward(channels_last(gradients[0]), y,
                                                float(ctx->saved_data["slope"].toDouble()));
        auto [dx, turned] =
            gpu_convolution_gradients(x, g, w, way(ctx->saved_data["way"].toInt()),
                                      {ctx->needs_input_grad(0), ctx->needs_input_grad(1)});
        if (dx.defined())
            dx = dx.to(at::ScalarType(ctx->saved_data["type"].toInt()));
        at::Tensor dw = memory(1, saved[3]), db = memory(2, saved[4]);
        if (dw.defined())
            turned = channels_last(turned);
        finish_gradients(partial, db, turned, dw);
        return {dx, dw, db, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

// One weight in another type, channels innermost.
at::Tensor turn(const at::Tensor &weight, at::ScalarType dtype)
{
    at::Tensor w =
        at::empty(weight.sizes(), weight.options().dtype(dtype), at::MemoryFormat::ChannelsLast);
    const int64_t pairs = weight.size(0) * weight.size(1);
    const int channels = int(weight.size(1)), taps = int(weight.size(2) * weight.size(3));
    const float *from = weight.const_data_ptr<float>();
    void *to = w.mutable_data_ptr();
    kernels::launch(weight.device(), dtype == at::kFloat ? "turn_weight_f32" : "turn_weight_bf16",
                    in_line(blocks_for(pairs, threads), threads),
                    {&from, &to, &pairs, &channels, &taps});
    return w;
}

} // namespace

bool gpu_kernels_available(at::Device device)
{
    return device.is_cuda() && kernels::available(device);
}

bool gpu_layer_suits(const at::Tensor &x, const at::Tensor &bias)
{
    bool types = (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
                 bias.scalar_type() == at::kFloat && bias.is_contiguous();
    return types && x.dim() == 4 && x.numel() > 0 && gpu_kernels_available(x.device());
}

at::Tensor gpu_layer(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                     const at::Tensor &turned, double slope, way to, at::ScalarType dtype)
{
    const at::Tensor plain = weight.contiguous();
    return gpu_function::apply(x, plain, bias,
                               turned.defined() ? turned : turn(plain.detach(), dtype), slope, to);
}

void turn_weights(const at::Tensor &flat, const at::Tensor &turned, const at::Tensor &table,
                  int64_t pairs)
{
    const float *from = flat.const_data_ptr<float>();
    void *to = turned.mutable_data_ptr();
    const int64_t *rows = table.const_data_ptr<int64_t>();
    const int n = int(table.numel() / 5);
    kernels::launch(flat.device(),
                    turned.scalar_type() == at::kFloat ? "turn_all_weights_f32"
                                                       : "turn_all_weights_bf16",
                    in_line(blocks_for(pairs, threads), threads), {&from, &to, &rows, &n, &pairs});
}

void gpu_squares(const at::Tensor &x, int64_t chunk, const at::Tensor &sums)
{
    constexpr unsigned lanes = 32, chunks = 8; // of a block
    const float *from = x.const_data_ptr<float>();
    double *to = sums.mutable_data_ptr<double>();
    const int64_t count = x.numel();
    const int each = int(chunk);
    kernels::launch(x.device(), "chunk_squares",
                    in_line(blocks_for(sums.numel(), chunks), lanes, chunks),
                    {&from, &to, &count, &each});
}

} // namespace shim
