#include "panels.hpp"

#include <type_traits>

namespace panels
{
namespace
{

const panels_kernels &here()
{
#if defined(__x86_64__)
    if (PANELS_HAS_AVX512_BF16)
        return panels_avx512_bf16;
    if (PANELS_HAS_AVX512)
        return panels_avx512;
    if (PANELS_HAS_AVX2)
        return panels_avx2;
#endif
    return panels_plain;
}

const panels_kernels &best = here();

template <class E> void run(const panels_product &p)
{
    (std::is_same_v<E, float> ? best.f32 : best.bf16)(&p);
}

} // namespace

bool multiplies_bf16()
{
    return best.bf16;
}

template <class E>
void multiply(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const E *a, const E *b, float *c, bool add)
{
    run<E>({.m = m, .n = n, .k = k, .a = a, .b = b, .c = c, .turned = false, .add = add});
}

template <class E>
void multiply_turned(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const E *a, const E *b, float *c,
                     bool add)
{
    run<E>({.m = m, .n = n, .k = k, .a = a, .b = b, .c = c, .turned = true, .add = add});
}

void interleave(ptrdiff_t rows, ptrdiff_t columns, c10::BFloat16 *matrix)
{
    best.interleave(size(rows, columns) / (2 * WIDTH), reinterpret_cast<uint16_t *>(matrix));
}

void transpose(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride)
{
    best.transpose(from, from_stride, to, to_stride);
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
