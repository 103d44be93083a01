// Gradient checkpointing: backward computes a piece of the pass again, so that its activations need
// not be kept. Chen, Xu, Zhang, Guestrin: "Training deep nets with sublinear memory cost", 2016.
#include "shim_priv.hpp"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

using namespace shim;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace
{

using piece_fn = shim_tensor *(*)(shim_scope *, const void *, shim_tensor *);

struct piece {
    shim_scope *scope;
    piece_fn fn;
    const void *ctx;
    bool autocast; // mode during forward
    int lane;      // lane during forward

    // Runs the piece in its scope and frees the temporaries.
    at::Tensor run(const at::Tensor &x, bool grad) const
    {
        const bool grad_before = scope->grad, autocast_before = scope->autocast;
        const int lane_before = scope->lane;
        const size_t owned_before = scope->owned.size();
        scope->grad = grad;
        scope->autocast = autocast;
        scope->lane = lane;
        shim_tensor *y = fn(scope, ctx, &scope->owned.emplace_back(shim_tensor{x}));
        at::Tensor result = y ? y->t : at::Tensor();
        while (scope->owned.size() > owned_before)
            scope->owned.pop_back();
        scope->grad = grad_before;
        scope->autocast = autocast_before;
        scope->lane = lane_before;
        if (autocast && !autocast_before)
            at::autocast::clear_cache(); // drop bf16 copies of parameters: an update follows
        TORCH_CHECK(result.defined(), "the function of shim_recompute returned no tensor");
        return result;
    }
};

struct recomputed : torch::autograd::Function<recomputed> {
    // The third argument, `anchor`, requires a gradient and gets none. Without it autograd would
    // not record a piece of which only the parameters require gradients.
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &,
                              const piece &p)
    {
        ctx->save_for_backward({x});
        ctx->saved_data["scope"] = reinterpret_cast<int64_t>(p.scope);
        ctx->saved_data["fn"] = reinterpret_cast<int64_t>(p.fn);
        ctx->saved_data["ctx"] = reinterpret_cast<int64_t>(p.ctx);
        ctx->saved_data["autocast"] = p.autocast;
        ctx->saved_data["lane"] = int64_t(p.lane);
        return p.run(x, false);
    }

    static variable_list backward(AutogradContext *ctx, variable_list gradients)
    {
        TORCH_CHECK(!at::GradMode::is_enabled(), "shim_recompute has first derivatives only");
        const piece p{
            .scope = reinterpret_cast<shim_scope *>(ctx->saved_data["scope"].toInt()),
            .fn = reinterpret_cast<piece_fn>(ctx->saved_data["fn"].toInt()),
            .ctx = reinterpret_cast<const void *>(ctx->saved_data["ctx"].toInt()),
            .autocast = ctx->saved_data["autocast"].toBool(),
            .lane = int(ctx->saved_data["lane"].toInt()),
        };
        at::Tensor x = ctx->get_saved_variables()[0].detach();
        x.requires_grad_(ctx->needs_input_grad(0));
        at::AutoGradMode on(true);
        at::Tensor y = p.run(x, true);
        if (y.requires_grad()) // false if all parameters of the piece are frozen
            torch::autograd::backward({y}, {gradients[0]});
        return {x.grad(), at::Tensor(), at::Tensor()};
    }
};

} // namespace

extern "C" {

struct shim_tensor *shim_recompute(struct shim_scope *s,
                                   struct shim_tensor *(*fn)(struct shim_scope *s, const void *ctx,
                                                             struct shim_tensor *x),
                                   const void *ctx, struct shim_tensor *x)
{
    if (!ready(s, __func__, {x}))
        return nullptr;
    if (!s->grad)
        return fn(s, ctx, x);
    return op(s, __func__, {x}, [&] {
        TORCH_CHECK(!s->graph, "shim_recompute cannot run within a recorded pass");
        at::Tensor anchor = at::empty({0}, x->t.options().dtype(at::kFloat)).requires_grad_(true);
        return recomputed::apply(x->t, anchor, piece{s, fn, ctx, s->autocast, s->lane});
    });
}

} // extern "C"
