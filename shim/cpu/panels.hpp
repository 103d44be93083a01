// Products of matrices on a CPU, of sizes as convolutions have them: hundreds of rows and columns,
// small enough for the caches.
//
// A matrix is kept in panels of 64 columns: panel p holds columns 64 p to 64 p + 63 of all rows, row
// after row. So a kernel walks along memory whatever the number of columns, and whoever makes a
// matrix writes it in this order at no cost; nothing is packed. Where the number of columns is no
// multiple of 64, the last panel's rows are as long as any, and their ends are never read.
//
// What multiplies bfloat16 takes two rows at once: see `interleave`.
#pragma once

#include <c10/util/BFloat16.h>
#include <cstddef>

#include "panels_kernel.h"

namespace panels
{

constexpr ptrdiff_t WIDTH = PANELS_WIDTH;

// Elements of a matrix, and the place of one of them.
inline ptrdiff_t size(ptrdiff_t rows, ptrdiff_t columns)
{
    return (columns + WIDTH - 1) / WIDTH * WIDTH * rows;
}

inline ptrdiff_t place(ptrdiff_t rows, ptrdiff_t row, ptrdiff_t column)
{
    return (column / WIDTH * rows + row) * WIDTH + column % WIDTH;
}

// Does this processor multiply them? (float: every one)
bool multiplies_bf16();

// c (m x n) = a (m x k) b (k x n); where `add`, that is added to c. n is a multiple of 16. Each
// element is summed over k in order, in float. bfloat16: b is interleaved, and k even.
template <class E>
void multiply(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const E *a, const E *b, float *c,
              bool add = false);

// c (m x n) = a^T b, a being k x m and b k x n. bfloat16: a and b are interleaved.
template <class E>
void multiply_turned(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const E *a, const E *b, float *c,
                     bool add = false);

// Turns rows 2 i and 2 i + 1 of each panel into pairs: column 0 of both, column 1 of both, and so
// on. `rows` is even.
void interleave(ptrdiff_t rows, ptrdiff_t columns, c10::BFloat16 *matrix);

// 16 rows of 16 numbers, `from_stride` numbers apart, to their transpose. Both may not overlap.
void transpose(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride);

} // namespace panels
