// What picture_layer.cpp does beside its products, on memory: of one picture, some rows of the inner
// side at a time. Matrices are in panels (panels.hpp). E is float or c10::BFloat16.
#pragma once

#include <c10/util/BFloat16.h>
#include <cstddef>

namespace picture_transform
{

struct shape {
    ptrdiff_t rows, columns; // of the inner side
    ptrdiff_t outer, inner;  // channels: C and K
    ptrdiff_t window() const { return 16 * outer; }
};

// Rows [first, first + rows) of the inner side.
struct strip {
    ptrdiff_t first, rows;
};

// outer to windows: pixels x 16 C. In a row: the window's pixels, row by row, each with its channels.
template <class E> void outer_to_windows(const shape &s, strip at, const E *outer, E *windows);
// Adds windows to `sums`, a picture with a border of one pixel, and then sums to the outer side.
void add_windows(const shape &s, strip at, const float *windows, float *sums);
template <class E>
void sums_to_outer(const shape &s, const float *sums, const float *bias, float slope, E *outer);

// pixels x K
template <class E> void inner_to_matrix(const shape &s, strip at, const E *inner, E *matrix);
template <class E>
void matrix_to_inner(const shape &s, strip at, const float *matrix, const float *bias, float slope,
                     E *inner);

// weights (K, C, 4, 4) to 16 C x K, or K x 16 C; and a 16 C x K gradient to the weights'.
template <class E> void weights_to_window_rows(const shape &s, const float *weights, E *matrix);
template <class E> void weights_to_window_columns(const shape &s, const float *weights, E *matrix);
void window_rows_to_weights(const shape &s, const float *matrix, float *weights);

} // namespace picture_transform
