#include "leaky_gradient.hpp"

#include <vector>

#include "cpu_layer.hpp"
#include "wide.hpp"

using wide::get, wide::put;

namespace shim
{
namespace
{

constexpr int64_t LANES = 16;
constexpr int64_t rows_max = 256; // rows summed in float; these sums are added in double

// Adds each column of `rows` rows of `width` numbers to sums.
template <class E> INLINE void add_rows(int64_t rows, int64_t width, const E *from, float *sums)
{
    for (int64_t r = 0; r < rows; r++, from += width)
#pragma GCC ivdep
        for (int64_t i = 0; i < width; i++)
            sums[i] += get(from, i);
}

template <class E>
INLINE void turn_rows(int64_t rows, int64_t width, const E *from, const E *y, float slope, E *to,
                      float *sums)
{
    for (int64_t r = 0; r < rows; r++, from += width, y += width, to += width)
#pragma GCC ivdep
        for (int64_t i = 0; i < width; i++) {
            float g = get(from, i), turned = get(y, i) > 0 ? g : g * slope;
            put(to, i, turned);
            sums[i] += turned;
        }
}

template <class E> INLINE void turn(int64_t count, const E *from, const E *y, float slope, E *to)
{
#pragma GCC ivdep
    for (int64_t i = 0; i < count; i++) {
        float g = get(from, i);
        put(to, i, get(y, i) > 0 ? g : g * slope);
    }
}

template <class E> at::Tensor input_as(const at::Tensor &g, const at::Tensor &y, float slope)
{
    if (slope == 1)
        return g;
    at::Tensor input = at::empty_like(g);
    in_parts(g.size(0), 1, [&](int64_t, int64_t first, int64_t last) {
        for (int64_t i = first; i < last; i++)
            RUN(turn(g.numel() / g.size(0), picture<E>(g, i), picture<E>(y, i), slope,
                     picture<E>(input, i)));
    });
    return input;
}

// The length of a row of whole pixels that is wide enough for vectors.
int64_t row_width(int64_t channels, int64_t count)
{
    int64_t width = channels % LANES ? channels * LANES : channels;
    return count % width ? channels : width;
}

template <class E>
leaky_gradients gradients_as(const at::Tensor &g, const at::Tensor &y, float slope)
{
    int64_t channels = g.size(1), n = g.size(0), each = g.numel() / n;
    int64_t width = row_width(channels, each), rows = each / width;
    at::Tensor input = slope == 1 ? g : at::empty_like(g);
    std::vector<std::vector<double>> totals(size_t(at::get_num_threads()));
    int64_t parts = in_parts(n, 1, [&](int64_t part, int64_t first, int64_t last) {
        std::vector<double> total(size_t(channels), 0.0);
        std::vector<float> sums(size_t(width), 0.0f);
        for (int64_t i = first; i < last; i++)
            for (int64_t row = 0; row < rows; row += rows_max) {
                int64_t now = std::min(rows_max, rows - row);
                const E *from = picture<E>(g, i) + row * width;
                std::fill(sums.begin(), sums.end(), 0.0f);
                if (slope == 1)
                    RUN(add_rows(now, width, from, sums.data()));
                else
                    RUN(turn_rows(now, width, from, picture<E>(y, i) + row * width, slope,
                                  picture<E>(input, i) + row * width, sums.data()));
                for (int64_t k = 0; k < width; k++)
                    total[size_t(k % channels)] += double(sums[size_t(k)]);
            }
        totals[size_t(part)] = std::move(total);
    });
    at::Tensor bias = at::zeros({channels}, at::kFloat);
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0.0;
        for (int64_t i = 0; i < parts; i++)
            sum += totals[size_t(i)][size_t(c)];
        bias.mutable_data_ptr<float>()[c] = float(sum);
    }
    return {input, bias};
}

} // namespace

leaky_gradients leaky_gradient(const at::Tensor &gradient, const at::Tensor &y, double slope,
                               bool bias_wanted)
{
    const float s = float(slope);
    if (gradient.scalar_type() == at::kBFloat16)
        return bias_wanted ? gradients_as<c10::BFloat16>(gradient, y, s)
                           : leaky_gradients{input_as<c10::BFloat16>(gradient, y, s), {}};
    return bias_wanted ? gradients_as<float>(gradient, y, s)
                       : leaky_gradients{input_as<float>(gradient, y, s), {}};
}

} // namespace shim
