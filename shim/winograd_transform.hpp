// The additions of winograd.hpp, on memory: one call a picture. E is float or c10::BFloat16; sums
// are taken in float. The innermost loops run over channels and are compiled for several processors.
#pragma once

#include <c10/util/BFloat16.h>
#include <cstddef>

namespace winograd
{

enum { PLANES = 9, TILE = 4 };

struct shape {
    ptrdiff_t rows, columns;  // of tiles
    ptrdiff_t outer, inner;   // channels: C and K
    ptrdiff_t tiles() const { return rows * columns; }
    ptrdiff_t cell() const { return 4 * outer; } // a cell of the outer side as one row of V
};

// `plane`: elements between two of the nine planes of V, M or U.
template <class E> void outer_to_v(const shape &s, const E *outer, E *v, ptrdiff_t plane);
template <class E>
void v_to_outer(const shape &s, const E *v, const float *bias, float slope, E *outer,
                ptrdiff_t plane);
template <class E> void inner_to_m(const shape &s, const E *inner, E *m, ptrdiff_t plane);
template <class E>
void m_to_inner(const shape &s, const E *m, const float *bias, float slope, E *inner,
                ptrdiff_t plane);

// weights to U: (9, K, 4 C), or (9, 4 C, K) where transposed; and U's gradient to the weights'.
template <class E> void weights_to_u(const shape &s, const float *weights, bool transposed, E *u);
void u_to_weights(const shape &s, const float *u, float *weights);

} // namespace winograd
