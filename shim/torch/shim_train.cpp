// Gradients, and parameter groups in flat memory.
#include "shim_priv.hpp"

#include <algorithm>

#include "gpu_layer.hpp"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

using namespace shim;

namespace
{

// A parameter's place in its group. libtorch calls this hook when the parameter's gradient is final
// in this backward pass.
struct ready_hook : torch::autograd::PostAccumulateGradHook {
    ready_hook(const shim_group *of, size_t first, size_t n) : group(of), offset(first), count(n)
    {
    }
    at::Tensor gradient(const at::Tensor &x) const
    {
        return range(group, SHIM_GRADIENTS, offset, count).view(x.sizes()).detach();
    }
    void operator()(const torch::autograd::Variable &x) override
    {
        at::NoGradGuard no_grad;
        at::Tensor here = gradient(x);
        if (x.grad().data_ptr() != here.data_ptr()) {
            if (given && group->fresh) // a sum of several uses, the first of which was written here
                here.copy_(x.grad());
            else
                here.add_(x.grad());
            x.mutable_grad() = here;
        }
        if (group->held)
            group->held->emplace_back(offset, count);
        else if (group->ready)
            group->ready(group->ready_ctx, offset, count);
    }
    const shim_group *group;
    size_t offset, count;
    bool given = false; // gradient_memory gave the place since the gradients were set to zero
    int64_t turned =
        -1; // its first element in the group's turned weights; -1: it is no weight of a convolution
};

// nullptr: x is not a parameter of a group.
ready_hook *place_of(const at::Tensor &x)
{
    return dynamic_cast<ready_hook *>(torch::autograd::impl::post_acc_grad_hooks(x).get());
}

// Lays out the turned weights, each at a multiple of 256 bytes, and makes the table of
// turn_weights.
void lay_out_turned(shim_group *g, at::ScalarType dtype)
{
    constexpr int64_t aligned = 128; // elements of two bytes
    std::vector<int64_t> rows;
    int64_t end = 0;
    g->pairs = 0;
    for (shim_tensor &p : g->parameters) {
        if (p.t.dim() != 4)
            continue;
        place_of(p.t)->turned = end;
        rows.insert(rows.end(),
                    {g->pairs, p.t.storage_offset(), end, p.t.size(1), p.t.size(2) * p.t.size(3)});
        g->pairs += p.t.size(0) * p.t.size(1);
        end += (p.t.numel() + aligned - 1) / aligned * aligned;
    }
    g->turned = at::empty({end}, at::TensorOptions(dtype).device(g->device));
    g->table = at::tensor(rows, at::TensorOptions(at::kLong)).to(g->device);
}

at::Tensor host_view(const at::Tensor &like, const void *memory)
{
    return at::from_blob(const_cast<void *>(memory), like.sizes(),
                         at::TensorOptions(like.scalar_type()));
}

} // namespace

at::Tensor shim::gradient_memory(const at::Tensor &x)
{
    ready_hook *place = place_of(x);
    if (!place || !place->group->fresh || place->given)
        return at::empty(x.sizes(), x.options(), at::MemoryFormat::Contiguous);
    place->given = true;
    return place->gradient(x);
}

at::Tensor shim::turned_weight(const shim_scope *s, const at::Tensor &weight, at::ScalarType dtype)
{
    const ready_hook *place = s->turned ? place_of(weight) : nullptr;
    if (!place || place->group != s->turned || place->turned < 0 ||
        s->turned->turned.scalar_type() != dtype)
        return {};
    return s->turned->turned.narrow(0, place->turned, weight.numel())
        .view({weight.size(0), weight.size(2), weight.size(3), weight.size(1)})
        .permute({0, 3, 1, 2});
}

extern "C" {

void shim_backward(struct shim_scope *s, const struct shim_tensor *loss, bool create_graph)
{
    act(s, __func__, {loss}, [&] {
        // backward uses the types that forward chose: no autocast
        at::autocast::set_autocast_enabled(s->device.type(), false);
        torch::autograd::backward({loss->t}, {}, create_graph, create_graph);
    });
}

void shim_backward_sum(struct shim_scope *s, const struct shim_tensor *each, double scale)
{
    act(s, __func__, {each}, [&] {
        at::autocast::set_autocast_enabled(s->device.type(), false);
        torch::autograd::backward({each->t}, {at::full_like(each->t, scale)});
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
    return guard_on(g, __func__, em, [&] {
        g->flat[SHIM_GRADIENTS].zero_();
        for (shim_tensor &p : g->parameters) {
            p.t.mutable_grad().reset();
            place_of(p.t)->given = false;
        }
        g->fresh = true;
    });
}

void shim_group_turn(struct shim_scope *s, struct shim_group *g)
{
    if (!gpu_kernels_available(s->device) || g->flat[SHIM_PARAMETERS].scalar_type() != at::kFloat)
        return;
    act(s, __func__, {}, [&] {
        at::ScalarType dtype = s->autocast ? at::kBFloat16 : at::kFloat;
        if (!g->turned.defined() || g->turned.scalar_type() != dtype)
            lay_out_turned(g, dtype);
        if (g->pairs > 0)
            turn_weights(g->flat[SHIM_PARAMETERS], g->turned, g->table, g->pairs);
        s->turned = g;
    });
}

void shim_group_add_gradients(struct shim_group *g)
{
    g->fresh = false;
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
