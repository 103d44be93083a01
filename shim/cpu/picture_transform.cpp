#include "picture_transform.hpp"

#include <cstring>

#include "panels.hpp"
#include "wide.hpp"

using panels::WIDTH;
using wide::get, wide::put, wide::leaky;

namespace picture_transform
{
namespace
{

constexpr ptrdiff_t SIDE = 4; // width and height of a window

// Copies one row of a window: SIDE outer pixels from (y, x) on, zeros outside the picture.
template <int C, class E>
INLINE void copy_row(const shape &s, const E *outer, ptrdiff_t y, ptrdiff_t x, E *to)
{
    const ptrdiff_t height = 2 * s.rows, width = 2 * s.columns;
    if (y >= 0 && y < height && x >= 0 && x + SIDE <= width) {
        std::memcpy(to, outer + (y * width + x) * C, SIDE * C * sizeof(E));
        return;
    }
    for (ptrdiff_t i = 0; i < SIDE; i++)
        for (ptrdiff_t c = 0; c < C; c++) {
            bool inside = y >= 0 && y < height && x + i >= 0 && x + i < width;
            to[i * C + c] = inside ? outer[(y * width + x + i) * C + c] : E(0.0f);
        }
}

template <int C, class E>
INLINE void copy_windows(const shape &s, strip at, const E *outer, E *windows)
{
    for (ptrdiff_t y = at.first; y < at.first + at.rows; y++)
        for (ptrdiff_t x = 0; x < s.columns; x++, windows += WIDTH)
            for (ptrdiff_t i = 0; i < SIDE; i++)
                copy_row<C>(s, outer, 2 * y - 1 + i, 2 * x - 1, windows + i * SIDE * C);
}

template <int C> INLINE void add_all(const shape &s, strip at, const float *windows, float *sums)
{
    for (ptrdiff_t y = at.first; y < at.first + at.rows; y++)
        for (ptrdiff_t x = 0; x < s.columns; x++, windows += WIDTH)
            for (ptrdiff_t i = 0; i < SIDE; i++) {
                float *to = sums + ((2 * y + i) * (2 * s.columns + 2) + 2 * x) * C;
                for (ptrdiff_t k = 0; k < SIDE * C; k++)
                    to[k] += windows[i * SIDE * C + k];
            }
}

template <int C, class E>
INLINE void finish_outer(const shape &s, const float *sums, const float *bias, float slope,
                         E *outer)
{
    const ptrdiff_t width = 2 * s.columns;
    for (ptrdiff_t y = 0; y < 2 * s.rows; y++) {
        const float *from = sums + ((y + 1) * (width + 2) + 1) * C;
        for (ptrdiff_t x = 0; x < width; x++)
            for (ptrdiff_t c = 0; c < C; c++)
                put(outer, (y * width + x) * C + c, leaky(from[x * C + c] + bias[c], slope));
    }
}

// Calls fn<C>() with the number of channels as a constant.
#define FOR_CHANNELS(channels, fn, ...) \
    do {                                \
        if ((channels) == 1)            \
            RUN(fn<1>(__VA_ARGS__));    \
        else if ((channels) == 2)       \
            RUN(fn<2>(__VA_ARGS__));    \
        else if ((channels) == 3)       \
            RUN(fn<3>(__VA_ARGS__));    \
        else                            \
            RUN(fn<4>(__VA_ARGS__));    \
    } while (0)

// Calls fn(i, n, at, c) for each run of channels c to c + n - 1 of each pixel. The run begins at
// element i of the inner tensor and at element `at` of the matrix.
template <class F> INLINE void each_run(const shape &s, strip at, F fn)
{
    const ptrdiff_t pixels = at.rows * s.columns;
    for (ptrdiff_t c = 0; c < s.inner; c += WIDTH) {
        ptrdiff_t n = s.inner - c < WIDTH ? s.inner - c : WIDTH;
        for (ptrdiff_t p = 0; p < pixels; p++)
            fn((at.first * s.columns + p) * s.inner + c, n, panels::place(pixels, p, c), c);
    }
}

template <class E>
INLINE void finish_inner(const shape &s, strip at, const float *matrix, const float *bias,
                         float slope, E *inner)
{
    each_run(s, at, [&](ptrdiff_t pixel, ptrdiff_t n, ptrdiff_t from, ptrdiff_t c) INLINE_LAMBDA {
#pragma GCC ivdep
        for (ptrdiff_t i = 0; i < n; i++)
            put(inner, pixel + i, leaky(matrix[from + i] + bias[c + i], slope));
    });
}

template <class E> INLINE void copy_inner(const shape &s, strip at, const E *inner, E *matrix)
{
    each_run(s, at, [&](ptrdiff_t pixel, ptrdiff_t n, ptrdiff_t to, ptrdiff_t) INLINE_LAMBDA {
        std::memcpy(matrix + to, inner + pixel, size_t(n) * sizeof(E));
    });
}

// Calls fn(k, column, i) for each weight i: inner channel k, and its column in a window's row.
template <class F> void each_weight(const shape &s, F fn)
{
    for (ptrdiff_t k = 0, i = 0; k < s.inner; k++)
        for (ptrdiff_t c = 0; c < s.outer; c++)
            for (ptrdiff_t tap = 0; tap < SIDE * SIDE; tap++, i++)
                fn(k, tap * s.outer + c, i);
}

} // namespace

template <class E> void outer_to_windows(const shape &s, strip at, const E *outer, E *windows)
{
    FOR_CHANNELS(s.outer, copy_windows, s, at, outer, windows);
}

void add_windows(const shape &s, strip at, const float *windows, float *sums)
{
    FOR_CHANNELS(s.outer, add_all, s, at, windows, sums);
}

template <class E>
void sums_to_outer(const shape &s, const float *sums, const float *bias, float slope, E *outer)
{
    FOR_CHANNELS(s.outer, finish_outer, s, sums, bias, slope, outer);
}

template <class E> void inner_to_matrix(const shape &s, strip at, const E *inner, E *matrix)
{
    RUN(copy_inner(s, at, inner, matrix));
}

template <class E>
void matrix_to_inner(const shape &s, strip at, const float *matrix, const float *bias, float slope,
                     E *inner)
{
    RUN(finish_inner(s, at, matrix, bias, slope, inner));
}

template <class E> void weights_to_window_rows(const shape &s, const float *weights, E *matrix)
{
    each_weight(s, [&](ptrdiff_t k, ptrdiff_t column, ptrdiff_t i) {
        put(matrix, panels::place(s.window(), column, k), weights[i]);
    });
}

template <class E> void weights_to_window_columns(const shape &s, const float *weights, E *matrix)
{
    each_weight(s, [&](ptrdiff_t k, ptrdiff_t column, ptrdiff_t i) {
        put(matrix, panels::place(s.inner, k, column), weights[i]);
    });
}

void window_rows_to_weights(const shape &s, const float *matrix, float *weights)
{
    each_weight(s, [&](ptrdiff_t k, ptrdiff_t column, ptrdiff_t i) {
        weights[i] = matrix[panels::place(s.window(), column, k)];
    });
}

#define FOR(E)                                                                                  \
    template void outer_to_windows<E>(const shape &, strip, const E *, E *);                    \
    template void sums_to_outer<E>(const shape &, const float *, const float *, float, E *);    \
    template void inner_to_matrix<E>(const shape &, strip, const E *, E *);                     \
    template void matrix_to_inner<E>(const shape &, strip, const float *, const float *, float, \
                                     E *);                                                      \
    template void weights_to_window_rows<E>(const shape &, const float *, E *);                 \
    template void weights_to_window_columns<E>(const shape &, const float *, E *);
FOR(float)
FOR(c10::BFloat16)
#undef FOR

} // namespace picture_transform
