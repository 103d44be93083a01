// How picture_layer.cpp turns pictures into matrices and back, a few rows of one picture at a time.
// Matrices are stored in panels (panels.hpp). E is float or c10::BFloat16.
#pragma once

#include <c10/util/BFloat16.h>
#include <cstddef>

namespace picture_transform
{

struct shape {
    ptrdiff_t rows, columns; // height and width of the inner tensor
    ptrdiff_t outer, inner;  // channels C and K of the outer and inner tensors
    ptrdiff_t window() const
    {
        return 16 * outer;
    }
};

// Rows [first, first + rows) of the inner tensor.
struct strip {
    ptrdiff_t first, rows;
};

// Copies the outer tensor to windows, a matrix with a row of 16 C numbers for each inner pixel: the
// pixels of its 4 x 4 window, row by row, each with its channels.
template <class E> void outer_to_windows(const shape &s, strip at, const E *outer, E *windows);
// add_windows adds windows to `sums`, a picture with a border of one pixel. sums_to_outer writes
// the outer tensor: leaky_relu(sums + bias).
void add_windows(const shape &s, strip at, const float *windows, float *sums);
template <class E>
void sums_to_outer(const shape &s, const float *sums, const float *bias, float slope, E *outer);

// Copies inner pixels to a matrix (pixels x K), and back as leaky_relu(matrix + bias).
template <class E> void inner_to_matrix(const shape &s, strip at, const E *inner, E *matrix);
template <class E>
void matrix_to_inner(const shape &s, strip at, const float *matrix, const float *bias, float slope,
                     E *inner);

// Copies weights (K, C, 4, 4) to a matrix 16 C x K, or K x 16 C; and a 16 C x K gradient back.
template <class E> void weights_to_window_rows(const shape &s, const float *weights, E *matrix);
template <class E> void weights_to_window_columns(const shape &s, const float *weights, E *matrix);
void window_rows_to_weights(const shape &s, const float *matrix, float *weights);

} // namespace picture_transform
