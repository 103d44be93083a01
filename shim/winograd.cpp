// Winograd's minimal filtering for 4 x 4 convolutions of stride 2 with padding 1, and their
// transposes, with channels innermost.
//
// Such a convolution is one of 2 x 2 and stride 1 over cells of 2 x 2 pixels: a pixel's place in
// its cell counts as a channel. F(2 x 2, 2 x 2) computes 2 x 2 of its outputs from 3 x 3 cells with
// 9 multiplications instead of 16 (Winograd 1980; Lavin and Gray: "Fast algorithms for
// convolutional neural networks", CVPR 2016). Along one axis, d0 d1 d2 being cells and g0 g1 the
// filter:
//
//   V = d0 - d1, d1, d2 - d1    U = g0, g0 + g1, g1    M = V * U    outputs M0 + M1, M1 + M2
//
// No step divides or scales, so rounding errors are no larger than those of the plain sum. Over all
// tiles and channels, V * U is nine products of matrices. The gradients, and the transpose, are the
// adjoint of these steps.
//
//   V: (9, tiles, 4 C)      M: (9, tiles, K)      a tile: 4 x 4 pixels of the outer side
#include <algorithm>
#include <vector>

#include "cpu_layer.hpp"
#include "panels.hpp"
#include "winograd_transform.hpp"

using namespace winograd;

namespace shim
{
namespace
{

constexpr int64_t block_bytes = 2 << 20; // of V: with M and U it stays in the caches
constexpr int64_t tiles_min = 64;        // fewer are not worth turning the weights

shape shape_of(const at::Tensor &x, const at::Tensor &weight, bool x_is_outer)
{
    int64_t tile = x_is_outer ? TILE : TILE / 2;
    return {.rows = x.size(2) / tile,
            .columns = x.size(3) / tile,
            .outer = weight.size(1),
            .inner = weight.size(0)};
}

// Pictures at a time; no more than leave each thread some.
int64_t block_of(const shape &s, int64_t n, int64_t element_bytes)
{
    int64_t each = PLANES * s.tiles() * s.cell() * element_bytes;
    return std::clamp<int64_t>(block_bytes / each, 1,
                               std::max<int64_t>(n / at::get_num_threads(), 1));
}

template <class E> const E *data(const at::Tensor &t)
{
    return t.const_data_ptr<E>();
}

// Nine matrices. An odd number of rows is rounded up, since bfloat16 is multiplied in pairs.
template <class E> class stack
{
  public:
    stack(ptrdiff_t rows, ptrdiff_t columns)
        : rows_((rows + 1) / 2 * 2), columns_(columns), plane_(panels::size(rows_, columns)),
          memory_(at::empty({PLANES * plane_}, c10::CppTypeToScalarType<E>::value))
    {
        if (rows != rows_)
            for (int k = 0; k < PLANES; k++)
                for (ptrdiff_t c = 0; c < columns; c++)
                    (*this)[k][panels::place(rows_, rows, c)] = E(0.0f);
    }
    E *operator[](int k)
    {
        return memory_.template mutable_data_ptr<E>() + k * plane_;
    }
    planes<E> from(ptrdiff_t row)
    {
        return {(*this)[0], rows_, row};
    }
    planes<const float> products_from(ptrdiff_t row)
    {
        return {(*this)[0], rows_, row};
    }
    void interleave()
    {
        if constexpr (std::is_same_v<E, c10::BFloat16>)
            for (int k = 0; k < PLANES; k++)
                panels::interleave(rows_, columns_, (*this)[k]);
    }
    ptrdiff_t rows() const
    {
        return rows_;
    }

  private:
    ptrdiff_t rows_, columns_, plane_;
    at::Tensor memory_;
};

template <class E> stack<E> filters(const shape &s, const at::Tensor &weight, bool transposed)
{
    stack<E> u = transposed ? stack<E>(s.cell(), s.inner) : stack<E>(s.inner, s.cell());
    weights_to_u<E>(s, data<float>(weight), transposed, u[0]);
    u.interleave();
    return u;
}

template <class E>
at::Tensor halve_as(const at::Tensor &outer, const at::Tensor &weight, const at::Tensor &bias,
                    float slope)
{
    shape s = shape_of(outer, weight, true);
    int64_t n = outer.size(0), block = block_of(s, n, sizeof(E));
    stack<E> u = filters<E>(s, weight, true);
    at::Tensor inner = at::empty({n, s.inner, 2 * s.rows, 2 * s.columns}, outer.options(),
                                 at::MemoryFormat::ChannelsLast);
    in_parts(n, block, [&](int64_t, int64_t first, int64_t last) {
        for (int64_t start = first; start < last; start += block) {
            int64_t now = std::min(block, last - start), tiles = now * s.tiles();
            stack<E> v(tiles, s.cell());
            stack<float> m(tiles, s.inner);
            for (int64_t i = 0; i < now; i++)
                outer_to_v(s, picture<E>(outer, start + i), v.from(i * s.tiles()));
            for (int k = 0; k < PLANES; k++)
                panels::multiply<E>(v.rows(), s.inner, s.cell(), v[k], u[k], m[k]);
            for (int64_t i = 0; i < now; i++)
                m_to_inner(s, m.products_from(i * s.tiles()), data<float>(bias), slope,
                           picture<E>(inner, start + i));
        }
    });
    return inner;
}

template <class E>
at::Tensor twice_as(const at::Tensor &inner, const at::Tensor &weight, const at::Tensor &bias,
                    float slope)
{
    shape s = shape_of(inner, weight, false);
    int64_t n = inner.size(0), block = block_of(s, n, sizeof(E));
    stack<E> u = filters<E>(s, weight, false);
    at::Tensor outer = at::empty({n, s.outer, TILE * s.rows, TILE * s.columns}, inner.options(),
                                 at::MemoryFormat::ChannelsLast);
    in_parts(n, block, [&](int64_t, int64_t first, int64_t last) {
        for (int64_t start = first; start < last; start += block) {
            int64_t now = std::min(block, last - start), tiles = now * s.tiles();
            stack<E> m(tiles, s.inner);
            stack<float> v(tiles, s.cell());
            for (int64_t i = 0; i < now; i++)
                inner_to_m(s, picture<E>(inner, start + i), m.from(i * s.tiles()));
            for (int k = 0; k < PLANES; k++)
                panels::multiply<E>(m.rows(), s.cell(), s.inner, m[k], u[k], v[k]);
            for (int64_t i = 0; i < now; i++)
                v_to_outer(s, v.products_from(i * s.tiles()), data<float>(bias), slope,
                           picture<E>(outer, start + i));
        }
    });
    return outer;
}

template <class E>
at::Tensor weight_gradient_as(const at::Tensor &outer, const at::Tensor &inner,
                              const at::Tensor &weight)
{
    shape s = shape_of(outer, weight, true);
    int64_t n = outer.size(0), block = block_of(s, n, sizeof(E));
    ptrdiff_t plane = panels::size(s.inner, s.cell());
    std::vector<at::Tensor> sums(size_t(at::get_num_threads()));
    int64_t parts = in_parts(n, block, [&](int64_t part, int64_t first, int64_t last) {
        at::Tensor sum = at::empty({PLANES, plane}, at::kFloat);
        for (int64_t start = first; start < last; start += block) {
            int64_t now = std::min(block, last - start), tiles = now * s.tiles();
            stack<E> v(tiles, s.cell()), m(tiles, s.inner);
            for (int64_t i = 0; i < now; i++) {
                outer_to_v(s, picture<E>(outer, start + i), v.from(i * s.tiles()));
                inner_to_m(s, picture<E>(inner, start + i), m.from(i * s.tiles()));
            }
            v.interleave(), m.interleave();
            for (int k = 0; k < PLANES; k++)
                panels::multiply_turned<E>(s.inner, s.cell(), v.rows(), m[k], v[k],
                                           sum.mutable_data_ptr<float>() + k * plane,
                                           start > first);
        }
        sums[size_t(part)] = sum;
    });
    for (int64_t i = 1; i < parts; i++)
        sums[0].add_(sums[size_t(i)]);
    at::Tensor gradient = at::empty(weight.sizes(), at::kFloat);
    u_to_weights(s, data<float>(sums[0]), gradient.mutable_data_ptr<float>());
    return gradient;
}

template <class E> constexpr cpu_layer layer_of = {halve_as<E>, twice_as<E>, weight_gradient_as<E>};

} // namespace

const cpu_layer *winograd_layer(const at::Tensor &x, const at::Tensor &weight,
                                const at::Tensor &bias, bool x_is_outer, at::ScalarType dtype)
{
    if (!is_cpu_layer(x, weight, bias, x_is_outer, dtype, TILE))
        return nullptr;
    int64_t tile = x_is_outer ? TILE : TILE / 2;
    bool lanes = weight.size(0) % 16 == 0 && weight.size(1) % 16 == 0;
    bool share = x.size(0) >= at::get_num_threads(); // threads take whole pictures
    if (!lanes || !share || x.size(0) * (x.size(2) / tile) * (x.size(3) / tile) < tiles_min)
        return nullptr;
    return dtype == at::kFloat ? &layer_of<float> : &layer_of<c10::BFloat16>;
}

} // namespace shim
