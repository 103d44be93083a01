// Products of matrices on a CPU, for the sizes of convolutions: hundreds of rows and columns, small
// enough for the caches.
//
// A matrix is stored in panels of 64 columns: panel p holds columns 64 p to 64 p + 63 of all rows,
// row after row. A kernel then reads memory in order for any number of columns. Matrices are
// written in this order from the start, so nothing has to be packed. If the number of columns is
// not a multiple of 64, the rows of the last panel are padded to 64; the padding is never read.
//
// The bfloat16 kernels take two rows at once: see `interleave`.
#pragma once

#include <c10/util/BFloat16.h>
#include <cstddef>

#include "panels_kernel.h"

namespace panels
{

constexpr ptrdiff_t WIDTH = PANELS_WIDTH;

// The number of elements of a matrix with its padding, and the index of one element.
inline ptrdiff_t size(ptrdiff_t rows, ptrdiff_t columns)
{
    return (columns + WIDTH - 1) / WIDTH * WIDTH * rows;
}

inline ptrdiff_t place(ptrdiff_t rows, ptrdiff_t row, ptrdiff_t column)
{
    return (column / WIDTH * rows + row) * WIDTH + column % WIDTH;
}

// true if this CPU has bfloat16 instructions. Every CPU multiplies float.
bool multiplies_bf16();

// c (m x n) = a (m x k) b (k x n), or c += a b with `add`. n must be a multiple of 16. Each element
// is summed over k in order, in float. For bfloat16, b must be interleaved and k even.
template <class E>
void multiply(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const E *a, const E *b, float *c,
              bool add = false);

// c (m x n) = a^T b with a (k x m) and b (k x n). For bfloat16, a and b must be interleaved.
template <class E>
void multiply_turned(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const E *a, const E *b, float *c,
                     bool add = false);

// Merges rows 2 i and 2 i + 1 of each panel: column 0 of both rows, column 1 of both rows, and so
// on. `rows` must be even.
void interleave(ptrdiff_t rows, ptrdiff_t columns, c10::BFloat16 *matrix);

// Writes the transpose of 16 x 16 numbers. The strides count numbers from row to row. `from` and
// `to` must not overlap.
void transpose(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride);

} // namespace panels
