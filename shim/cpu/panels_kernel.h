/*
 * The kernels of panels.hpp as compiled for one kind of processor each. In C, so that their tests
 * reach them: which of them run depends on the processor.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PANELS_WIDTH = 64 };

/* c (m x n) = a (m x k) b (k x n), or is added to it; an a that is `turned` is k x m, and its
 * transpose is meant. The layout of a, b and c, and what n and k may be: panels.hpp. */
struct panels_product {
    ptrdiff_t m, n, k;
    const void *a, *b; /* float, or bfloat16 */
    float *c;
    bool turned, add;
};

struct panels_kernels {
    void (*f32)(const struct panels_product *p);
    void (*bf16)(const struct panels_product *p); /* NULL where the processor multiplies none */
    void (*interleave)(ptrdiff_t pairs, uint16_t *rows); /* NULL with it */
    void (*transpose)(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride);
};

/* Does this processor run them? The best first. */
#if defined(__x86_64__)
#define PANELS_HAS_AVX512                                                        \
    (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && \
     __builtin_cpu_supports("avx512dq"))
#define PANELS_HAS_AVX512_BF16 (PANELS_HAS_AVX512 && __builtin_cpu_supports("avx512bf16"))
#define PANELS_HAS_AVX2        (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
extern const struct panels_kernels panels_avx512_bf16, panels_avx512, panels_avx2;
#endif
extern const struct panels_kernels panels_plain;

#ifdef __cplusplus
}
#endif
