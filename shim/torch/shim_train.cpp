// Gradients, and parameter groups in flat memory.
#include "shim_priv.hpp"

#include <algorithm>

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

using namespace shim;

namespace
{

// libtorch calls this hook when the gradient of one parameter is final in this backward pass.
struct ready_hook : torch::autograd::PostAccumulateGradHook {
    ready_hook(const shim_group *of, size_t first, size_t n) : group(of), offset(first), count(n)
    {
    }
    void operator()(const torch::autograd::Variable &) override
    {
        if (group->held)
            group->held->emplace_back(offset, count);
        else if (group->ready)
            group->ready(group->ready_ctx, offset, count);
    }
    const shim_group *group;
    size_t offset, count;
};

at::Tensor host_view(const at::Tensor &like, const void *memory)
{
    return at::from_blob(const_cast<void *>(memory), like.sizes(),
                         at::TensorOptions(like.scalar_type()));
}

} // namespace

extern "C" {

void shim_backward(struct shim_scope *s, const struct shim_tensor *loss, bool create_graph)
{
    act(s, __func__, {loss}, [&] {
        // backward uses the types that forward chose: no autocast
        at::autocast::set_autocast_enabled(s->device.type(), false);
        torch::autograd::backward({loss->t}, {}, create_graph, create_graph);
    });
}

struct shim_tensor *shim_gradient(struct shim_scope *s, const struct shim_tensor *y,
                                  const struct shim_tensor *x, bool create_graph)
{
    return op(s, __func__, {y, x}, [&] {
        at::autocast::set_autocast_enabled(s->device.type(), false);
        return torch::autograd::grad({y->t}, {x->t}, {}, /*retain_graph=*/true, create_graph)[0];
    });
}

struct shim_tensor *shim_leaf(struct shim_scope *s, const struct shim_tensor *x)
{
    return op(s, __func__, {x}, [&] { return x->t.detach().clone().requires_grad_(true); });
}

enum status shim_group_new(const char *device, enum shim_dtype dtype, size_t count,
                           void *const memory[SHIM_FLATS], struct shim_group **out,
                           struct errmsg *em)
{
    at::Device d(at::kCPU);
    enum status st = parse_device(device, &d, em);
    if (st != ST_OK)
        return st;
    shim_group *g = nullptr;
    st = guard(__func__, em, [&] {
        TORCH_CHECK(dtype == SHIM_F32 || dtype == SHIM_F64, "parameters are F32 or F64");
        at::TensorOptions options = at::TensorOptions(scalar_type(dtype)).device(d);
        on_device here(d);
        g = new shim_group{.device = d};
        for (int i = 0; i < SHIM_EMA; i++) {
            bool own = !memory || !memory[i];
            g->flat[i] = own ? at::zeros({int64_t(count)}, options)
                             : at::from_blob(memory[i], {int64_t(count)}, options);
        }
        *out = g;
    });
    if (st != ST_OK)
        delete g;
    return st;
}

void shim_group_free(struct shim_group *g)
{
    if (!g)
        return;
    guard(__func__, nullptr, [&] { // remove the hooks: a graph may outlive the group
        for (shim_tensor &p : g->parameters)
            torch::autograd::impl::set_post_acc_grad_hooks(p.t, nullptr);
    });
    delete g;
}

void *shim_group_memory(const struct shim_group *g, enum shim_flat which)
{
    return g->flat[which].data_ptr();
}

enum status shim_group_parameter(struct shim_group *g, size_t offset, size_t n_dims,
                                 const int64_t *dims, struct shim_tensor **out, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        at::IntArrayRef shape = sizes(n_dims, dims);
        size_t count = 1;
        for (int64_t n : shape) {
            TORCH_CHECK(n > 0, "a parameter without elements: ", shape);
            TORCH_CHECK(!__builtin_mul_overflow(count, size_t(n), &count), "too large: ", shape);
        }
        // detach: a leaf of its own that shares the memory
        at::Tensor p = range(g, SHIM_PARAMETERS, offset, count).view(shape).detach();
        p.requires_grad_(true);
        p.mutable_grad() = range(g, SHIM_GRADIENTS, offset, count).view(shape).detach();
        torch::autograd::impl::set_post_acc_grad_hooks(p, std::make_unique<ready_hook>(g, offset,
                                                                                       count));
        *out = &g->parameters.emplace_back(shim_tensor{std::move(p)});
    });
}

void shim_group_on_ready(struct shim_group *g, void (*fn)(void *ctx, size_t offset, size_t count),
                         void *ctx)
{
    g->ready = fn;
    g->ready_ctx = ctx;
}

enum status shim_group_freeze(struct shim_group *g, size_t offset, size_t count, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        for (shim_tensor &p : g->parameters) {
            size_t at = size_t(p.t.storage_offset());
            if (at >= offset && at - offset < count)
                p.t.requires_grad_(false);
        }
    });
}

enum status shim_group_zero_gradients(struct shim_group *g, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] { g->flat[SHIM_GRADIENTS].zero_(); });
}

enum status shim_group_write(struct shim_group *g, enum shim_flat which, size_t offset,
                             const void *host, size_t count, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        at::Tensor to = range(g, which, offset, count);
        to.copy_(host_view(to, host));
    });
}

enum status shim_group_read(const struct shim_group *g, enum shim_flat which, size_t offset,
                            void *host, size_t count, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        at::Tensor from = range(g, which, offset, count);
        host_view(from, host).copy_(from);
    });
}

enum status shim_group_copy(struct shim_group *g, enum shim_flat from, enum shim_flat to,
                            size_t offset, size_t count, struct errmsg *em)
{
    return guard_on(g, __func__, em,
                    [&] { range(g, to, offset, count).copy_(range(g, from, offset, count)); });
}

enum status shim_group_keep_moments(struct shim_group *g, const struct shim_range *ranges,
                                    size_t n_ranges, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        shim_group next{.device = g->device, .sharded = true};
        size_t total = 0;
        for (size_t i = 0; i < n_ranges; i++) {
            next.kept.push_back({ranges[i].offset, ranges[i].count, total});
            total += ranges[i].count;
        }
        const size_t everything = size_t(g->flat[SHIM_PARAMETERS].numel());
        const std::vector<shim_kept> before = g->sharded ? g->kept
                                                         : std::vector<shim_kept>{
                                                               {0, everything, 0}
        };
        for (enum shim_flat which : {SHIM_EXP_AVG, SHIM_EXP_AVG_SQ, SHIM_EMA}) {
            if (!g->flat[which].defined())
                continue;
            next.flat[which] = at::zeros({int64_t(total)}, g->flat[which].options());
            for (const shim_kept &k : next.kept) // a new average starts at the parameters
                if (which == SHIM_EMA)
                    range(&next, which, k.offset, k.count)
                        .copy_(range(g, SHIM_PARAMETERS, k.offset, k.count));
            for (const shim_kept &new_one : next.kept)
                for (const shim_kept &old : before) {
                    size_t low = std::max(new_one.offset, old.offset);
                    size_t high = std::min(new_one.offset + new_one.count, old.offset + old.count);
                    if (low < high)
                        range(&next, which, low, high - low)
                            .copy_(range(g, which, low, high - low));
                }
        }
        for (enum shim_flat which : {SHIM_EXP_AVG, SHIM_EXP_AVG_SQ, SHIM_EMA})
            g->flat[which] = next.flat[which];
        g->kept = next.kept;
        g->sharded = true;
    });
}

enum status shim_group_nonfinite(const struct shim_group *g, enum shim_flat which, size_t offset,
                                 size_t count, int64_t *n_out, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        at::Tensor all = range(g, which, offset, count);
        // one pass over memory: if the sum is finite, all elements are
        bool good = all.sum().isfinite().item<bool>();
        *n_out = good ? 0 : all.isfinite().logical_not().sum().item<int64_t>();
    });
}

} // extern "C"
