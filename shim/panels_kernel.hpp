// The kernels of panels.hpp as compiled for one kind of processor each.
#pragma once

#include <cstddef>
#include <cstdint>

namespace panels
{

constexpr ptrdiff_t WIDTH = 64;

// c (m x n) = a (m x k) b (k x n), or is added to it; a "turned" is a (k x m), and its transpose is
// meant. The layout of a, b and c: panels.hpp.
struct product {
    ptrdiff_t m, n, k;
    const void *a, *b;
    float *c;
    bool turned, add;
};

using multiply_fn = void(const product &);

struct kernels {
    multiply_fn *f32, *bf16; // bf16: nullptr where the processor multiplies none
    void (*interleave)(ptrdiff_t pairs, uint16_t *rows);
};

#if defined(__x86_64__)
extern const kernels avx512_bf16_kernels, avx512_kernels, avx2_kernels;
#endif
extern const kernels plain_kernels;

} // namespace panels
