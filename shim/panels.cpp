#include "panels.hpp"

namespace panels
{
namespace
{

const kernels &here()
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return __builtin_cpu_supports("avx512bf16") ? avx512_bf16_kernels : avx512_kernels;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return avx2_kernels;
#endif
    return plain_kernels;
}

const kernels &best = here();

template <class E> multiply_fn *kernel()
{
    return std::is_same_v<E, float> ? best.f32 : best.bf16;
}

} // namespace

bool multiplies_bf16()
{
    return best.bf16;
}

template <class E>
void multiply(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const E *a, const E *b, float *c, bool add)
{
    kernel<E>()({.m = m, .n = n, .k = k, .a = a, .b = b, .c = c, .turned = false, .add = add});
}

template <class E>
void multiply_turned(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const E *a, const E *b, float *c,
                     bool add)
{
    kernel<E>()({.m = m, .n = n, .k = k, .a = a, .b = b, .c = c, .turned = true, .add = add});
}

void interleave(ptrdiff_t rows, ptrdiff_t columns, c10::BFloat16 *matrix)
{
    best.interleave(size(rows, columns) / (2 * WIDTH), reinterpret_cast<uint16_t *>(matrix));
}

#define FOR(E)                                                                                \
    template void multiply<E>(ptrdiff_t, ptrdiff_t, ptrdiff_t, const E *, const E *, float *, \
                              bool);                                                          \
    template void multiply_turned<E>(ptrdiff_t, ptrdiff_t, ptrdiff_t, const E *, const E *,   \
                                     float *, bool);
FOR(float)
FOR(c10::BFloat16)
#undef FOR

} // namespace panels
