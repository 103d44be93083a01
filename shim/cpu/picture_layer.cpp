// 4 x 4 convolutions of stride 2 with at most 4 outer channels: the network's first layer, and the
// transposed last one.
//
// They are products of matrices ("im2col"). Each inner pixel has a row of 16 C numbers: the 4 x 4
// window of outer pixels, with C channels. The transpose adds overlapping windows. The matrix of a
// whole picture is never in memory, only that of a few rows of pixels.
#include <vector>

#include "cpu_layer.hpp"
#include "panels.hpp"
#include "picture_transform.hpp"

using namespace picture_transform;

namespace shim
{
namespace
{

constexpr ptrdiff_t pixels_max = 512; // inner pixels at a time: their matrices stay in a cache

shape shape_of(const at::Tensor &inner, const at::Tensor &weight)
{
    return {.rows = inner.size(2),
            .columns = inner.size(3),
            .outer = weight.size(1),
            .inner = weight.size(0)};
}

// Runs fn(strip, pixels) over the rows of one picture.
template <class F> void in_strips(const shape &s, F fn)
{
    ptrdiff_t rows = std::max<ptrdiff_t>(1, pixels_max / s.columns);
    for (ptrdiff_t first = 0; first < s.rows; first += rows) {
        strip now = {first, std::min(rows, s.rows - first)};
        fn(now, now.rows * s.columns);
    }
}

template <class E> class matrix
{
  public:
    matrix(ptrdiff_t rows, ptrdiff_t columns)
        : rows_(rows), columns_(columns),
          memory_(at::empty({panels::size(rows, columns)}, c10::CppTypeToScalarType<E>::value))
    {
    }
    E *data()
    {
        return memory_.template mutable_data_ptr<E>();
    }
    void interleave()
    {
        if constexpr (std::is_same_v<E, c10::BFloat16>)
            panels::interleave(rows_, columns_, data());
    }

  private:
    ptrdiff_t rows_, columns_;
    at::Tensor memory_;
};

ptrdiff_t most_pixels(const shape &s)
{
    return std::max(pixels_max, s.columns);
}

// The pixels of a strip as a matrix: in place if the channels fill one panel, else copied to
// `copy`.
template <class E> const E *rows_of(const shape &s, strip now, const E *inner, matrix<E> &copy)
{
    if (s.inner == panels::WIDTH)
        return inner + now.first * s.columns * s.inner;
    inner_to_matrix(s, now, inner, copy.data());
    return copy.data();
}

template <class E>
at::Tensor conv_down_as(const at::Tensor &outer, const at::Tensor &weight, const at::Tensor &bias,
                        float slope)
{
    int64_t n = outer.size(0);
    at::Tensor inner = at::empty({n, weight.size(0), outer.size(2) / 2, outer.size(3) / 2},
                                 outer.options(), at::MemoryFormat::ChannelsLast);
    shape s = shape_of(inner, weight);
    matrix<E> filters(s.window(), s.inner);
    weights_to_window_rows(s, weight.const_data_ptr<float>(), filters.data());
    filters.interleave();
    in_parts(n, 1, [&](int64_t, int64_t from, int64_t to) {
        matrix<E> windows(most_pixels(s), s.window());
        matrix<float> products(most_pixels(s), s.inner);
        for (int64_t i = from; i < to; i++)
            in_strips(s, [&](strip now, ptrdiff_t pixels) {
                outer_to_windows(s, now, picture<E>(outer, i), windows.data());
                panels::multiply<E>(pixels, s.inner, s.window(), windows.data(), filters.data(),
                                    products.data());
                matrix_to_inner(s, now, products.data(), bias.const_data_ptr<float>(), slope,
                                picture<E>(inner, i));
            });
    });
    return inner;
}

template <class E>
at::Tensor conv_up_as(const at::Tensor &inner, const at::Tensor &weight, const at::Tensor &bias,
                      float slope)
{
    int64_t n = inner.size(0);
    shape s = shape_of(inner, weight);
    at::Tensor outer = at::empty({n, s.outer, 2 * s.rows, 2 * s.columns}, inner.options(),
                                 at::MemoryFormat::ChannelsLast);
    matrix<E> filters(s.inner, s.window());
    weights_to_window_columns(s, weight.const_data_ptr<float>(), filters.data());
    filters.interleave();
    in_parts(n, 1, [&](int64_t, int64_t from, int64_t to) {
        matrix<E> rows(most_pixels(s), s.inner);
        matrix<float> windows(most_pixels(s), s.window());
        std::vector<float> sums;
        for (int64_t i = from; i < to; i++) {
            sums.assign(size_t((2 * s.rows + 2) * (2 * s.columns + 2) * s.outer), 0.0f);
            in_strips(s, [&](strip now, ptrdiff_t pixels) {
                panels::multiply<E>(pixels, s.window(), s.inner,
                                    rows_of(s, now, picture<E>(inner, i), rows), filters.data(),
                                    windows.data());
                add_windows(s, now, windows.data(), sums.data());
            });
            sums_to_outer(s, sums.data(), bias.const_data_ptr<float>(), slope,
                          picture<E>(outer, i));
        }
    });
    return outer;
}

// Adds the product of a strip's windows, transposed, and its rows to `sum`. Overwrites the windows.
template <class E>
void add_weights(const shape &s, strip now, ptrdiff_t pixels, matrix<E> &windows, const E *inner,
                 float *sum)
{
    matrix<E> copy(pixels, s.inner);
    const E *rows = copy.data();
    if constexpr (std::is_same_v<E, float>) {
        rows = rows_of(s, now, inner, copy);
    } else {
        inner_to_matrix(s, now, inner, copy.data());
        windows.interleave(), copy.interleave();
    }
    panels::multiply_turned<E>(s.window(), s.inner, pixels, windows.data(), rows, sum, true);
}

template <class E>
void weight_gradient_as(const at::Tensor &outer, const at::Tensor &inner, const at::Tensor &weight,
                        const at::Tensor &gradient)
{
    if (!gradient.defined())
        return;
    int64_t n = outer.size(0);
    shape s = shape_of(inner, weight);
    std::vector<at::Tensor> sums(size_t(at::get_num_threads()));
    int64_t parts = in_parts(n, 1, [&](int64_t part, int64_t from, int64_t to) {
        at::Tensor sum = at::zeros({panels::size(s.window(), s.inner)}, at::kFloat);
        for (int64_t i = from; i < to; i++)
            in_strips(s, [&](strip now, ptrdiff_t pixels) {
                matrix<E> windows(pixels, s.window());
                outer_to_windows(s, now, picture<E>(outer, i), windows.data());
                add_weights(s, now, pixels, windows, picture<E>(inner, i),
                            sum.mutable_data_ptr<float>());
            });
        sums[size_t(part)] = sum;
    });
    window_rows_to_weights(s, sum_of_parts(sums, parts).const_data_ptr<float>(),
                           gradient.mutable_data_ptr<float>());
}

template <class E>
cpu_gradients conv_down_gradients_as(const at::Tensor &x, const at::Tensor &g,
                                     const at::Tensor &weight, const cpu_wanted &wanted)
{
    weight_gradient_as<E>(x, g, weight, wanted.weight);
    return {wanted.x ? conv_up_as<E>(g, weight, at::zeros({x.size(1)}), 1.0f) : at::Tensor(),
            wanted.weight};
}

template <class E>
cpu_gradients conv_up_gradients_as(const at::Tensor &x, const at::Tensor &g,
                                   const at::Tensor &weight, const cpu_wanted &wanted)
{
    weight_gradient_as<E>(g, x, weight, wanted.weight);
    return {wanted.x ? conv_down_as<E>(g, weight, at::zeros({x.size(1)}), 1.0f) : at::Tensor(),
            wanted.weight};
}

template <class E>
constexpr cpu_layer layer_of = {conv_down_as<E>, conv_up_as<E>, conv_down_gradients_as<E>,
                                conv_up_gradients_as<E>};

} // namespace

const cpu_layer *picture_layer(const at::Tensor &x, const at::Tensor &weight,
                               const at::Tensor &bias, bool x_is_outer, at::ScalarType dtype)
{
    if (!is_cpu_layer(x, weight, bias, x_is_outer, dtype, 4) || weight.size(1) > 4 ||
        weight.size(0) % 16 != 0)
        return nullptr;
    return dtype == at::kFloat ? &layer_of<float> : &layer_of<c10::BFloat16>;
}

} // namespace shim
