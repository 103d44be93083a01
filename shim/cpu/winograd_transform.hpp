// The additions of winograd.cpp, one call for each picture. Inputs of products are float or
// c10::BFloat16; outputs of products and sums are float. The innermost loops run over channels and
// are compiled for several kinds of CPU.
#pragma once

#include <c10/util/BFloat16.h>
#include <cstddef>

namespace winograd
{

enum { PLANES = 9, TILE = 4 };

struct shape {
    ptrdiff_t rows, columns; // of tiles in a picture
    ptrdiff_t outer, inner;  // channels C and K of the outer and inner tensors
    ptrdiff_t tiles() const
    {
        return rows * columns;
    }
    ptrdiff_t cell() const
    {
        return 4 * outer;
    } // numbers in a cell of 2 x 2 outer pixels
};

// Nine matrices in panels (panels.hpp), one after another. The tiles of a picture are rows from
// `row` on.
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

// Computes U from the weights: nine matrices K x 4 C, or 4 C x K if transposed. The other function
// turns the gradient of U (K x 4 C) into the gradient of the weights.
template <class E> void weights_to_u(const shape &s, const float *weights, bool transposed, E *u);
void u_to_weights(const shape &s, const float *u, float *weights);

} // namespace winograd
