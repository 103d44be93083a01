// The optimizer's passes over flat memory: Adam, SGD, and sums of squares.
#include "shim_priv.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/Parallel.h>

#include "gpu_layer.hpp"

using namespace shim;

namespace
{

constexpr int64_t GRAIN = 1 << 14; // elements that a thread takes at once
constexpr int LANES = 8;           // partial sums of a chunk

// ---- Adam --------------------------------------------------------------------------------------

struct flats {
    at::Tensor parameters, gradients, exp_avg, exp_avg_sq, average; // average may be undefined
};

flats flats_at(const shim_group *g, size_t offset, size_t count)
{
    return {range(g, SHIM_PARAMETERS, offset, count), range(g, SHIM_GRADIENTS, offset, count),
            range(g, SHIM_EXP_AVG, offset, count), range(g, SHIM_EXP_AVG_SQ, offset, count),
            g->flat[SHIM_EMA].defined() ? range(g, SHIM_EMA, offset, count) : at::Tensor()};
}

double scale_of(const struct shim_adam &adam)
{
    return adam.gradient_scale == 0 ? 1.0 : adam.gradient_scale;
}

// Factors that are the same for all elements. Each operation is rounded separately (no
// contraction), so the vector width that the compiler chooses changes no bit.
template <class T> struct factors {
    explicit factors(const struct shim_adam &a)
        : scale(T(scale_of(a))), mean(T(1 - a.beta1)), keep(T(a.beta2)), square(T(1 - a.beta2)),
          shrink(T(1 - a.lr * a.weight_decay)),
          step(T(a.lr / (1 - std::pow(a.beta1, double(a.step))))),
          root(T(1 / std::sqrt(1 - std::pow(a.beta2, double(a.step))))), eps(T(a.eps)),
          average(T(1 - a.ema))
    {
    }
    T scale, mean, keep, square, shrink, step, root, eps, average;
};

template <class T, bool averaged>
inline void adam_elements(const factors<T> &f, int64_t n, T *__restrict p, const T *__restrict g,
                          T *__restrict m, T *__restrict v, T *__restrict e)
{
    for (int64_t i = 0; i < n; i++) {
        T gradient = g[i] * f.scale;
        T mean = m[i] + f.mean * (gradient - m[i]);
        T square = f.keep * v[i] + f.square * (gradient * gradient);
        T now = p[i] * f.shrink - f.step * (mean / (std::sqrt(square) * f.root + f.eps));
        m[i] = mean;
        v[i] = square;
        p[i] = now;
        if constexpr (averaged)
            e[i] += f.average * (now - e[i]);
    }
}

template <class T> void adam_on_cpu(const flats &of, const struct shim_adam &adam)
{
    const factors<T> f(adam);
    T *p = of.parameters.data_ptr<T>(), *m = of.exp_avg.data_ptr<T>();
    T *v = of.exp_avg_sq.data_ptr<T>();
    T *e = of.average.defined() ? of.average.data_ptr<T>() : nullptr;
    const T *g = of.gradients.data_ptr<T>();
    at::parallel_for(0, of.parameters.numel(), GRAIN, [&](int64_t from, int64_t to) {
        if (e)
            adam_elements<T, true>(f, to - from, p + from, g + from, m + from, v + from, e + from);
        else
            adam_elements<T, false>(f, to - from, p + from, g + from, m + from, v + from, nullptr);
    });
}

void adam_on_device(const flats &of, const struct shim_adam &adam)
{
    at::Tensor step = at::full({}, double(adam.step),
                               at::TensorOptions(at::kFloat).device(of.parameters.device()));
    at::Tensor gradients = of.gradients;
    if (scale_of(adam) != 1)
        gradients.mul_(scale_of(adam));
    at::_fused_adamw_({of.parameters}, {gradients}, {of.exp_avg}, {of.exp_avg_sq}, {}, {step},
                      adam.lr, adam.beta1, adam.beta2, adam.weight_decay, adam.eps,
                      /*amsgrad=*/false, /*maximize=*/false);
    if (of.average.defined()) {
        at::Tensor average = of.average;
        average.lerp_(of.parameters, 1 - adam.ema);
    }
}

// ---- SGD ---------------------------------------------------------------------------------------

template <class T> void sgd_on_cpu(const flats &of, T lr, T average)
{
    T *p = of.parameters.data_ptr<T>();
    T *e = of.average.defined() ? of.average.data_ptr<T>() : nullptr;
    const T *g = of.gradients.data_ptr<T>();
    for (int64_t i = 0, n = of.parameters.numel(); i < n; i++) {
        p[i] -= lr * g[i];
        if (e)
            e[i] += average * (p[i] - e[i]);
    }
}

void sgd_on_device(const flats &of, double lr, double ema)
{
    at::Tensor parameters = of.parameters, average = of.average;
    parameters.sub_(of.gradients, lr);
    if (average.defined())
        average.lerp_(parameters, 1 - ema);
}

// ---- Sums of squares ---------------------------------------------------------------------------

// Adds element i to lane i % LANES, then adds the lanes in pairs.
template <class T> double chunk_squares(const T *x, int64_t n)
{
    double lane[LANES] = {};
    int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int k = 0; k < LANES; k++)
            lane[k] += double(x[i + k]) * double(x[i + k]);
    for (int64_t i = whole; i < n; i++)
        lane[i - whole] += double(x[i]) * double(x[i]);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int k = 0; k < width; k++)
            lane[k] += lane[k + width];
    return lane[0];
}

template <class T> void squares_on_cpu(const at::Tensor &x, double *sums)
{
    const T *first = x.data_ptr<T>();
    int64_t n = x.numel();
    at::parallel_for(0, (n + SHIM_CHUNK - 1) / SHIM_CHUNK, GRAIN / SHIM_CHUNK,
                     [&](int64_t from, int64_t to) {
                         for (int64_t i = from; i < to; i++)
                             sums[i] =
                                 chunk_squares(first + i * SHIM_CHUNK,
                                               std::min(n - i * SHIM_CHUNK, int64_t(SHIM_CHUNK)));
                     });
}

// Without our kernels: libtorch's order of additions depends on the shape, so it always gets the
// same shape.
void squares_on_device(const at::Tensor &x, double *sums)
{
    constexpr int64_t ROWS = 4096, BLOCK = ROWS * SHIM_CHUNK;
    int64_t n = x.numel(), chunks = (n + SHIM_CHUNK - 1) / SHIM_CHUNK;
    if (x.scalar_type() == at::kFloat && gpu_kernels_available(x.device())) {
        at::Tensor here = at::empty({chunks}, x.options().dtype(at::kDouble));
        gpu_squares(x, SHIM_CHUNK, here);
        std::copy_n(here.cpu().const_data_ptr<double>(), chunks, sums);
        return;
    }
    std::vector<at::Tensor> parts;
    for (int64_t at = 0; at < n; at += BLOCK) {
        at::Tensor block = x.narrow(0, at, std::min(BLOCK, n - at));
        if (block.numel() < BLOCK || block.storage_offset() % 4 != 0)
            block = at::constant_pad_nd(block, {0, BLOCK - block.numel()});
        parts.push_back(at::linalg_vector_norm(block.view({ROWS, SHIM_CHUNK}), 2,
                                               at::IntArrayRef({1}), false, at::kDouble));
    }
    at::Tensor all = at::cat(parts).square_().narrow(0, 0, chunks).cpu();
    std::copy_n(all.data_ptr<double>(), chunks, sums);
}

void squares_of(const at::Tensor &x, double *sums)
{
    if (x.numel() == 0)
        return;
    if (!x.is_cpu())
        squares_on_device(x, sums);
    else if (x.scalar_type() == at::kDouble)
        squares_on_cpu<double>(x, sums);
    else
        squares_on_cpu<float>(x, sums);
}

} // namespace

extern "C" {

enum status shim_group_adam(struct shim_group *g, size_t offset, size_t count,
                            const struct shim_adam *adam, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        TORCH_CHECK(adam->step >= 1, "Adam's steps count from 1, not ", adam->step);
        at::NoGradGuard no_grad;
        flats of = flats_at(g, offset, count);
        if (!g->device.is_cpu())
            adam_on_device(of, *adam);
        else if (of.parameters.scalar_type() == at::kDouble)
            adam_on_cpu<double>(of, *adam);
        else
            adam_on_cpu<float>(of, *adam);
    });
}

enum status shim_group_sgd(struct shim_group *g, size_t offset, size_t count, double lr, double ema,
                           struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        at::NoGradGuard no_grad;
        flats of = flats_at(g, offset, count);
        if (!g->device.is_cpu())
            sgd_on_device(of, lr, ema);
        else if (of.parameters.scalar_type() == at::kDouble)
            sgd_on_cpu<double>(of, lr, 1 - ema);
        else
            sgd_on_cpu<float>(of, float(lr), float(1 - ema));
    });
}

enum status shim_group_squares(const struct shim_group *g, enum shim_flat which, size_t offset,
                               size_t count, double *sums, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        TORCH_CHECK(offset % SHIM_CHUNK == 0, "offset must be a multiple of ", int(SHIM_CHUNK));
        squares_of(range(g, which, offset, count), sums);
    });
}

enum status shim_group_squares_of(const struct shim_group *g, const void *elements, size_t count,
                                  double *sums, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        at::TensorOptions type(g->flat[SHIM_GRADIENTS].scalar_type());
        at::Tensor host = at::from_blob(const_cast<void *>(elements), {int64_t(count)}, type);
        squares_of(host.to(g->device), sums);
    });
}

enum status shim_group_keep_average(struct shim_group *g, struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        at::NoGradGuard no_grad;
        if (!g->flat[SHIM_EMA].defined())
            g->flat[SHIM_EMA] = at::empty_like(g->flat[SHIM_EXP_AVG]);
        if (!g->sharded)
            g->flat[SHIM_EMA].copy_(g->flat[SHIM_PARAMETERS]);
        for (const shim_kept &k : g->kept)
            range(g, SHIM_EMA, k.offset, k.count)
                .copy_(range(g, SHIM_PARAMETERS, k.offset, k.count));
    });
}

enum status shim_group_exchange(struct shim_group *g, enum shim_flat a, enum shim_flat b,
                                struct errmsg *em)
{
    return guard_on(g, __func__, em, [&] {
        constexpr int64_t PIECE = 1 << 20; // elements of scratch memory
        at::NoGradGuard no_grad;
        at::Tensor one = g->flat[a], other = g->flat[b];
        for (int64_t at = 0, n = one.numel(); at < n; at += PIECE) {
            int64_t count = std::min(PIECE, n - at);
            at::Tensor saved = one.narrow(0, at, count).clone();
            one.narrow(0, at, count).copy_(other.narrow(0, at, count));
            other.narrow(0, at, count).copy_(saved);
        }
    });
}

} // extern "C"
