// The network's layers: a convolution (4 x 4 of stride 2, its transpose, or k x k of stride 1),
// then bias and LeakyReLU. On a CPU by our own layers if they suit (shim/cpu); on a GPU with our
// kernel for bias and LeakyReLU; else by libtorch.
#include "shim_priv.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <array>

#include "cpu_layer.hpp"
#include "gpu_layer.hpp"
#include "leaky_gradient.hpp"

using namespace shim;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace
{

constexpr std::array<int64_t, 2> stride = {2, 2}, padding = {1, 1};

// Our own CPU layers. Down: outer (n, C, H, W) to inner (n, K, H/2, W/2); else inner to outer.
struct cpu_function : torch::autograd::Function<cpu_function> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight,
                              const at::Tensor &bias, const cpu_layer *way, double slope, bool down)
    {
        at::Tensor from = channels_last(x);
        at::Tensor y = (down ? way->conv_down : way->conv_up)(from, weight, bias, float(slope));
        ctx->save_for_backward({from, weight, y});
        ctx->saved_data["way"] = reinterpret_cast<int64_t>(way);
        ctx->saved_data["slope"] = slope;
        ctx->saved_data["down"] = down;
        return y;
    }

    static variable_list backward(AutogradContext *ctx, variable_list gradients)
    {
        refuse_second_derivatives();
        variable_list saved = ctx->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1], &y = saved[2];
        auto way = reinterpret_cast<const cpu_layer *>(ctx->saved_data["way"].toInt());
        bool down = ctx->saved_data["down"].toBool();
        auto [g, db] =
            leaky_gradient(channels_last(gradients[0]), y, ctx->saved_data["slope"].toDouble(),
                           ctx->needs_input_grad(2));
        auto [dx, dw] = (down ? way->conv_down_gradients : way->conv_up_gradients)(
            x, g, weight,
            {.x = ctx->needs_input_grad(0),
             .weight = ctx->needs_input_grad(1) ? gradient_memory(weight) : at::Tensor()});
        return {dx, dw, db, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

// true if the shapes fit. If not, libtorch gets them and reports the error.
bool fits(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, way to)
{
    int64_t in = to == way::up ? 0 : 1; // the weight's dimension of input channels
    return x.dim() == 4 && weight.dim() == 4 && weight.scalar_type() == at::kFloat &&
           x.size(1) == weight.size(in) && bias.numel() == weight.size(1 - in) &&
           (to == way::same || (weight.size(2) == 4 && weight.size(3) == 4));
}

at::Tensor plain_layer(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                       way to)
{
    if (to == way::down)
        return at::conv2d(x, weight, bias, stride, padding);
    if (to == way::up)
        return at::conv_transpose2d(x, weight, bias, stride, padding);
    return at::conv2d(x, weight, bias, 1, weight.size(2) / 2);
}

at::Tensor layer(const shim_scope *s, at::Tensor x, const at::Tensor &weight,
                 const at::Tensor &bias, double slope, way to)
{
    at::ScalarType dtype = s->autocast ? at::kBFloat16 : x.scalar_type();
    bool down = to == way::down;
    if (to != way::same)
        for (auto ours : {winograd_layer, picture_layer})
            if (const cpu_layer *way = ours(x, weight, bias, down, dtype))
                return cpu_function::apply(x.to(dtype), weight, bias, way, slope, down);
    if (fits(x, weight, bias, to) && gpu_layer_suits(x, bias)) {
        c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
        return gpu_layer(x, weight, bias, turned_weight(s, weight, dtype), slope, to, dtype);
    }
    at::Tensor y = plain_layer(x, weight, bias, to);
    return slope == 1.0 ? y : at::leaky_relu(y, slope);
}

} // namespace

extern "C" {

struct shim_tensor *shim_conv_down(struct shim_scope *s, const struct shim_tensor *x,
                                   const struct shim_tensor *weight, const struct shim_tensor *bias,
                                   double slope)
{
    return op(s, __func__, {x, weight, bias},
              [&] { return layer(s, x->t, weight->t, bias->t, slope, way::down); });
}

struct shim_tensor *shim_conv_up(struct shim_scope *s, const struct shim_tensor *x,
                                 const struct shim_tensor *weight, const struct shim_tensor *bias,
                                 double slope)
{
    return op(s, __func__, {x, weight, bias},
              [&] { return layer(s, x->t, weight->t, bias->t, slope, way::up); });
}

struct shim_tensor *shim_conv_same(struct shim_scope *s, const struct shim_tensor *x,
                                   const struct shim_tensor *weight, const struct shim_tensor *bias,
                                   double slope)
{
    return op(s, __func__, {x, weight, bias},
              [&] { return layer(s, x->t, weight->t, bias->t, slope, way::same); });
}

} // extern "C"
