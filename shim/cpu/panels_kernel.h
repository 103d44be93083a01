/*
 * The kernels of panels.hpp, compiled once for each kind of CPU. A C header, so that C tests can
 * test every kernel that this CPU runs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PANELS_WIDTH = 64 };

/* c (m x n) = a (m x k) b (k x n), or c += a b. If `turned`, a is k x m and is transposed. See
 * panels.hpp for the layout of a, b and c, and for the limits of n and k. */
struct panels_product {
    ptrdiff_t m, n, k;
    const void *a, *b; /* float, or bfloat16 */
    float *c;
    bool turned, add;
};

struct panels_kernels {
    void (*f32)(const struct panels_product *p);
    void (*bf16)(const struct panels_product *p);        /* NULL: no bfloat16 instructions */
    void (*interleave)(ptrdiff_t pairs, uint16_t *rows); /* NULL if bf16 is NULL */
    void (*transpose)(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride);
};

/* PANELS_HAS_…: true if this CPU runs the kernels below it. The best kind comes first. */
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
