// The operations of networks and losses. Each is one line around the ATen function of that name.
#include "shim_priv.hpp"

#include <vector>

using namespace shim;

static std::optional<at::Tensor> optional(const struct shim_tensor *t)
{
    return t ? std::optional<at::Tensor>(t->t) : std::nullopt;
}

extern "C" {

struct shim_tensor *shim_conv2d(struct shim_scope *s, const struct shim_tensor *x,
                                const struct shim_tensor *weight, const struct shim_tensor *bias,
                                int64_t stride, int64_t padding)
{
    return op(s, __func__, {x, weight}, [&] {
        int64_t groups = x->t.dim() == 4 && weight->t.dim() == 4 && weight->t.size(1) > 0
                             ? x->t.size(1) / weight->t.size(1)
                             : 1;
        return at::conv2d(x->t, weight->t, optional(bias), {stride, stride}, {padding, padding},
                          {1, 1}, std::max<int64_t>(groups, 1));
    });
}

struct shim_tensor *shim_conv_transpose2d(struct shim_scope *s, const struct shim_tensor *x,
                                          const struct shim_tensor *weight,
                                          const struct shim_tensor *bias, int64_t stride,
                                          int64_t padding)
{
    return op(s, __func__, {x, weight}, [&] {
        return at::conv_transpose2d(x->t, weight->t, optional(bias), {stride, stride},
                                    {padding, padding});
    });
}

struct shim_tensor *shim_pixel_shuffle(struct shim_scope *s, const struct shim_tensor *x,
                                       int64_t factor)
{
    return op(s, __func__, {x}, [&] { return at::pixel_shuffle(x->t, factor); });
}

struct shim_tensor *shim_group_norm(struct shim_scope *s, const struct shim_tensor *x,
                                    int64_t groups, const struct shim_tensor *weight,
                                    const struct shim_tensor *bias, double eps)
{
    return op(s, __func__, {x, weight, bias},
              [&] { return at::group_norm(x->t, groups, weight->t, bias->t, eps); });
}

struct shim_tensor *shim_linear(struct shim_scope *s, const struct shim_tensor *x,
                                const struct shim_tensor *weight, const struct shim_tensor *bias)
{
    return op(s, __func__, {x, weight, bias}, [&] { return at::linear(x->t, weight->t, bias->t); });
}

struct shim_tensor *shim_leaky_relu(struct shim_scope *s, const struct shim_tensor *x, double slope)
{
    return op(s, __func__, {x}, [&] { return at::leaky_relu(x->t, slope); });
}

struct shim_tensor *shim_max_pool2d(struct shim_scope *s, const struct shim_tensor *x, int64_t size)
{
    return op(s, __func__, {x}, [&] {
        if (x->t.is_cpu() || !at::globalContext().deterministicAlgorithms())
            return at::max_pool2d(x->t, {size, size}, {size, size});
        // ATen's backward adds atomically on a GPU, which deterministic mode refuses
        int64_t h = x->t.size(2) / size, w = x->t.size(3) / size;
        return x->t.narrow(2, 0, h * size)
            .narrow(3, 0, w * size)
            .unflatten(3, {w, size})
            .unflatten(2, {h, size})
            .amax({3, 5});
    });
}

struct shim_tensor *shim_mean_pool2d(struct shim_scope *s, const struct shim_tensor *x,
                                     int64_t size)
{
    return op(s, __func__, {x}, [&] { return at::avg_pool2d(x->t, {size, size}, {size, size}); });
}

struct shim_tensor *shim_sigmoid(struct shim_scope *s, const struct shim_tensor *x)
{
    return op(s, __func__, {x}, [&] { return at::sigmoid(x->t); });
}

struct shim_tensor *shim_cat(struct shim_scope *s, struct shim_tensor *const *parts, size_t n,
                             int64_t dim)
{
    for (size_t i = 0; i < n; i++)
        if (!ready(s, __func__, {parts[i]}))
            return nullptr;
    return op(s, __func__, {}, [&] {
        std::vector<at::Tensor> tensors;
        for (size_t i = 0; i < n; i++)
            tensors.push_back(parts[i]->t);
        return at::cat(tensors, dim);
    });
}

struct shim_tensor *shim_narrow(struct shim_scope *s, const struct shim_tensor *x, int64_t dim,
                                int64_t start, int64_t length)
{
    return op(s, __func__, {x}, [&] { return x->t.narrow(dim, start, length); });
}

void shim_split_in_two(struct shim_scope *s, const struct shim_tensor *x, int64_t dim,
                       int64_t length, struct shim_tensor *out[2])
{
    std::vector<at::Tensor> parts;
    for (size_t i = 0; i < 2; i++)
        out[i] = op(s, __func__, {x}, [&] {
            if (i == 0)
                parts = x->t.split_with_sizes({length, x->t.size(dim) - length}, dim);
            return parts.at(i);
        });
}

struct shim_tensor *shim_reshape(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                 const int64_t *dims)
{
    return op(s, __func__, {x}, [&] { return x->t.reshape(sizes(n_dims, dims)); });
}

struct shim_tensor *shim_permute(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                 const int64_t *order)
{
    return op(s, __func__, {x}, [&] { return x->t.permute(sizes(n_dims, order)); });
}

struct shim_tensor *shim_flip(struct shim_scope *s, const struct shim_tensor *x, int64_t dim)
{
    return op(s, __func__, {x}, [&] { return x->t.flip({dim}); });
}

struct shim_tensor *shim_detach(struct shim_scope *s, const struct shim_tensor *x)
{
    return op(s, __func__, {x}, [&] { return x->t.detach(); });
}

struct shim_tensor *shim_to_dtype(struct shim_scope *s, const struct shim_tensor *x,
                                  enum shim_dtype dtype)
{
    return op(s, __func__, {x}, [&] { return x->t.to(scalar_type(dtype)); });
}

struct shim_tensor *shim_channels_last(struct shim_scope *s, const struct shim_tensor *x, bool on)
{
    return op(s, __func__, {x}, [&] {
        return x->t.contiguous(on ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
    });
}

#define BINARY(name)                                                                   \
    struct shim_tensor *shim_##name(struct shim_scope *s, const struct shim_tensor *a, \
                                    const struct shim_tensor *b)                       \
    {                                                                                  \
        return op(s, __func__, {a, b}, [&] { return at::name(a->t, b->t); });          \
    }
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
#undef BINARY

#define UNARY(name)                                                                    \
    struct shim_tensor *shim_##name(struct shim_scope *s, const struct shim_tensor *x) \
    {                                                                                  \
        return op(s, __func__, {x}, [&] { return at::name(x->t); });                   \
    }
UNARY(abs)
UNARY(round)
UNARY(sum)
#undef UNARY

struct shim_tensor *shim_affine(struct shim_scope *s, const struct shim_tensor *x, double scale,
                                double offset)
{
    return op(s, __func__, {x}, [&] {
        at::Tensor y = scale == 1.0 ? x->t : x->t.mul(scale);
        return offset == 0.0 ? y : y.add(offset);
    });
}

struct shim_tensor *shim_clamp(struct shim_scope *s, const struct shim_tensor *x, double low,
                               double high)
{
    return op(s, __func__, {x}, [&] { return at::clamp(x->t, low, high); });
}

struct shim_tensor *shim_pow(struct shim_scope *s, const struct shim_tensor *x, double exponent)
{
    return op(s, __func__, {x}, [&] { return at::pow(x->t, exponent); });
}

struct shim_tensor *shim_greater(struct shim_scope *s, const struct shim_tensor *x, double limit)
{
    return op(s, __func__, {x}, [&] { return x->t.gt(limit); });
}

struct shim_tensor *shim_where(struct shim_scope *s, const struct shim_tensor *condition,
                               const struct shim_tensor *a, const struct shim_tensor *b)
{
    return op(s, __func__, {condition, a, b},
              [&] { return at::where(condition->t.ne(0), a->t, b->t); });
}

struct shim_tensor *shim_sum_over(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                  const int64_t *dims, bool keep)
{
    return op(s, __func__, {x}, [&] { return x->t.sum(sizes(n_dims, dims), keep); });
}

struct shim_tensor *shim_mean_over(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                   const int64_t *dims, bool keep)
{
    return op(s, __func__, {x}, [&] { return x->t.mean(sizes(n_dims, dims), keep); });
}

struct shim_tensor *shim_affine_grid(struct shim_scope *s, const struct shim_tensor *theta,
                                     int64_t height, int64_t width)
{
    return op(s, __func__, {theta}, [&] {
        return at::affine_grid_generator(theta->t, {theta->t.size(0), 1, height, width},
                                         /*align_corners=*/false);
    });
}

struct shim_tensor *shim_grid_sample(struct shim_scope *s, const struct shim_tensor *x,
                                     const struct shim_tensor *grid)
{
    constexpr int64_t bilinear = 0, reflection = 2;
    return op(s, __func__, {x, grid}, [&] {
        return at::grid_sampler(x->t, grid->t, bilinear, reflection, /*align_corners=*/false);
    });
}

struct shim_tensor *shim_interpolate(struct shim_scope *s, const struct shim_tensor *x,
                                     int64_t height, int64_t width, enum shim_resample how,
                                     bool align_corners)
{
    return op(s, __func__, {x}, [&]() -> at::Tensor {
        switch (how) {
        case SHIM_NEAREST:
            return at::upsample_nearest2d(x->t, {height, width});
        case SHIM_BILINEAR:
            return at::upsample_bilinear2d(x->t, {height, width}, align_corners);
        case SHIM_BICUBIC:
            return at::upsample_bicubic2d(x->t, {height, width}, align_corners);
        }
        TORCH_CHECK(false, "unknown enum shim_resample: ", int(how));
    });
}

} // extern "C"
