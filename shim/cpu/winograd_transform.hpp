// The additions of winograd.cpp, on memory: one call a picture. What enters a product is float or
// c10::BFloat16, what comes out of one is float, and so are sums. The innermost loops run over
// channels and are compiled for several processors.
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

// Nine matrices in panels (panels.hpp), one after the other; a picture's tiles are rows from `row`.
template <class E> struct planes {
    E *first;
    ptrdiff_t rows, row;
};

template <class E> void outer_to_v(const shape &s, const E *outer, const planes<E> &v);
template <class E>
void v_to_outer(const shape &s, const planes<const float> &v, const float *bias, float slope,
                E *outer);
template <class E> void inner_to_m(const shape &s, const E *inner, const planes<E> &m);
template <class E>
void m_to_inner(const shape &s, const planes<const float> &m, const float *bias, float slope,
                E *inner);

// weights to U: nine matrices K x 4 C, or 4 C x K where transposed; and U's gradient, K x 4 C, to
// the weights'.
template <class E> void weights_to_u(const shape &s, const float *weights, bool transposed, E *u);
void u_to_weights(const shape &s, const float *u, float *weights);

} // namespace winograd
