// Winograd's minimal filtering for 4 x 4 convolutions of stride 2 with padding 1, and their
// transposes, with channels innermost.
//
// Group the outer pixels into cells of 2 x 2 and count a pixel's place in its cell as a channel.
// With the padding of 1, cell i covers pixels 2 i - 1 and 2 i. The convolution is then 2 x 2 of
// stride 1 over cells. F(2 x 2, 2 x 2) computes 2 x 2 outputs from 3 x 3 cells with 9
// multiplications instead of 16 (Winograd 1980; Lavin and Gray: "Fast algorithms for convolutional
// neural networks", CVPR 2016). Along one axis, with cells d0 d1 d2 and filter g0 g1:
//
//   V = d0 - d1, d1, d2 - d1    U = g0, g0 + g1, g1    M = V * U    outputs M0 + M1, M1 + M2
//
// No step divides or scales, so rounding errors are no larger than in the plain sum. Over all tiles
// and channels, V * U is nine products of matrices. The gradients and the transposed convolution
// are the adjoints of these steps.
//
//   V: (9, tiles, 4 C)      U: (9, 4 C, K)      M: (9, tiles, K)
//
// A tile is 4 x 4 outer pixels; it reads 6 x 6 of them and makes 2 x 2 inner pixels.
#include <vector>

#include "cpu_layer.hpp"
#include "panels.hpp"
#include "winograd_transform.hpp"

using namespace winograd;

namespace shim
{
namespace
{

constexpr int64_t block_bytes = 2 << 20; // bytes of V: V, M and U together stay in the caches
constexpr int64_t tiles_min = 8;         // with fewer tiles, computing U costs more than it saves

shape shape_of(const at::Tensor &x, const at::Tensor &weight, bool x_is_outer)
{
    int64_t tile = x_is_outer ? TILE : TILE / 2;
    return {.rows = x.size(2) / tile,
            .columns = x.size(3) / tile,
            .outer = weight.size(1),
            .inner = weight.size(0)};
}

// The number of pictures to take at a time: few enough that every thread gets some.
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

// Nine matrices. An odd number of rows is rounded up: bfloat16 is multiplied in pairs of rows.
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

// Pictures [first, first + count). Their tiles are the rows of V and M.
struct block {
    int64_t first, count, tiles;
};

// Runs fn(part, block, first) over n pictures, one part for each thread; `first`: the first block
// of the part.
template <class E, class F> int64_t in_blocks(const shape &s, int64_t n, F fn)
{
    int64_t most = block_of(s, n, sizeof(E));
    return in_parts(n, most, [&](int64_t part, int64_t first, int64_t last) {
        for (int64_t start = first; start < last; start += most) {
            int64_t count = std::min(most, last - start);
            fn(part, block{start, count, count * s.tiles()}, start == first);
        }
    });
}

template <class E> stack<E> v_of(const shape &s, const block &b, const at::Tensor &outer)
{
    stack<E> v(b.tiles, s.cell());
    for (int64_t i = 0; i < b.count; i++)
        outer_to_v(s, picture<E>(outer, b.first + i), v.from(i * s.tiles()));
    return v;
}

template <class E> stack<E> m_of(const shape &s, const block &b, const at::Tensor &inner)
{
    stack<E> m(b.tiles, s.inner);
    for (int64_t i = 0; i < b.count; i++)
        inner_to_m(s, picture<E>(inner, b.first + i), m.from(i * s.tiles()));
    return m;
}

// Computes inner = leaky_relu(V U + bias) for a block; `u` is 4 C x K.
template <class E>
void finish_inner(const shape &s, const block &b, stack<E> &v, stack<E> &u, const float *bias,
                  float slope, at::Tensor &inner)
{
    stack<float> m(b.tiles, s.inner);
    for (int k = 0; k < PLANES; k++)
        panels::multiply<E>(v.rows(), s.inner, s.cell(), v[k], u[k], m[k]);
    for (int64_t i = 0; i < b.count; i++)
        m_to_inner(s, m.products_from(i * s.tiles()), bias, slope, picture<E>(inner, b.first + i));
}

// Computes outer = leaky_relu(M U + bias) for a block; `u` is K x 4 C.
template <class E>
void finish_outer(const shape &s, const block &b, stack<E> &m, stack<E> &u, const float *bias,
                  float slope, at::Tensor &outer)
{
    stack<float> v(b.tiles, s.cell());
    for (int k = 0; k < PLANES; k++)
        panels::multiply<E>(m.rows(), s.cell(), s.inner, m[k], u[k], v[k]);
    for (int64_t i = 0; i < b.count; i++)
        v_to_outer(s, v.products_from(i * s.tiles()), bias, slope, picture<E>(outer, b.first + i));
}

at::Tensor new_outer(const shape &s, const at::Tensor &like)
{
    return at::empty({like.size(0), s.outer, TILE * s.rows, TILE * s.columns}, like.options(),
                     at::MemoryFormat::ChannelsLast);
}

at::Tensor new_inner(const shape &s, const at::Tensor &like)
{
    return at::empty({like.size(0), s.inner, 2 * s.rows, 2 * s.columns}, like.options(),
                     at::MemoryFormat::ChannelsLast);
}

template <class E>
at::Tensor conv_down_as(const at::Tensor &outer, const at::Tensor &weight, const at::Tensor &bias,
                        float slope)
{
    shape s = shape_of(outer, weight, true);
    stack<E> u = filters<E>(s, weight, true);
    at::Tensor inner = new_inner(s, outer);
    in_blocks<E>(s, outer.size(0), [&](int64_t, const block &b, bool) {
        stack<E> v = v_of<E>(s, b, outer);
        finish_inner<E>(s, b, v, u, data<float>(bias), slope, inner);
    });
    return inner;
}

template <class E>
at::Tensor conv_up_as(const at::Tensor &inner, const at::Tensor &weight, const at::Tensor &bias,
                      float slope)
{
    shape s = shape_of(inner, weight, false);
    stack<E> u = filters<E>(s, weight, false);
    at::Tensor outer = new_outer(s, inner);
    in_blocks<E>(s, inner.size(0), [&](int64_t, const block &b, bool) {
        stack<E> m = m_of<E>(s, b, inner);
        finish_outer<E>(s, b, m, u, data<float>(bias), slope, outer);
    });
    return outer;
}

// The gradient of the weights, summed in each thread, then over threads.
class weight_sums
{
  public:
    explicit weight_sums(const shape &s)
        : s_(s), plane_(panels::size(s.inner, s.cell())), sums_(size_t(at::get_num_threads()))
    {
    }

    // Overwrites v and m.
    template <class E> void add(int64_t part, bool first, stack<E> &v, stack<E> &m)
    {
        at::Tensor &sum = sums_[size_t(part)];
        if (first)
            sum = at::empty({PLANES, plane_}, at::kFloat);
        v.interleave(), m.interleave();
        for (int k = 0; k < PLANES; k++)
            panels::multiply_turned<E>(s_.inner, s_.cell(), v.rows(), m[k], v[k],
                                       sum.mutable_data_ptr<float>() + k * plane_, !first);
    }

    void write(int64_t parts, const at::Tensor &gradient)
    {
        at::Tensor sum = sum_of_parts(sums_, parts);
        u_to_weights(s_, data<float>(sum), gradient.mutable_data_ptr<float>());
    }

  private:
    shape s_;
    ptrdiff_t plane_;
    std::vector<at::Tensor> sums_;
};

// The gradients of conv_down (`down`) or conv_up. x and g have different resolutions. The gradient
// of x is the opposite layer, with bias 0 and slope 1.
template <class E, bool down>
cpu_gradients gradients_as(const at::Tensor &x, const at::Tensor &g, const at::Tensor &weight,
                           const cpu_wanted &wanted)
{
    shape s = shape_of(x, weight, down);
    stack<E> u = wanted.x ? filters<E>(s, weight, !down) : stack<E>(0, 0);
    const std::vector<float> zeros(size_t(x.size(1)), 0.0f);
    at::Tensor dx = !wanted.x ? at::Tensor() : down ? new_outer(s, x) : new_inner(s, x);
    weight_sums sums(s);
    int64_t parts = in_blocks<E>(s, x.size(0), [&](int64_t part, const block &b, bool first) {
        stack<E> of_g = down ? m_of<E>(s, b, g) : v_of<E>(s, b, g);
        if (wanted.x)
            (down ? finish_outer<E> : finish_inner<E>)(s, b, of_g, u, zeros.data(), 1.0f, dx);
        if (wanted.weight.defined()) {
            stack<E> of_x = down ? v_of<E>(s, b, x) : m_of<E>(s, b, x);
            sums.add(part, first, down ? of_x : of_g, down ? of_g : of_x);
        }
    });
    if (wanted.weight.defined())
        sums.write(parts, wanted.weight);
    return {dx, wanted.weight};
}

template <class E>
constexpr cpu_layer layer_of = {conv_down_as<E>, conv_up_as<E>, gradients_as<E, true>,
                                gradients_as<E, false>};

} // namespace

const cpu_layer *winograd_layer(const at::Tensor &x, const at::Tensor &weight,
                                const at::Tensor &bias, bool x_is_outer, at::ScalarType dtype)
{
    if (!is_cpu_layer(x, weight, bias, x_is_outer, dtype, TILE))
        return nullptr;
    int64_t tile = x_is_outer ? TILE : TILE / 2;
    bool lanes = weight.size(0) % 16 == 0 && weight.size(1) % 16 == 0;
    bool share = x.size(0) >= at::get_num_threads(); // a thread computes whole pictures
    if (!lanes || !share || x.size(0) * (x.size(2) / tile) * (x.size(3) / tile) < tiles_min)
        return nullptr;
    return dtype == at::kFloat ? &layer_of<float> : &layer_of<c10::BFloat16>;
}

} // namespace shim
