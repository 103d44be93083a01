// Loops that are compiled for several kinds of CPU. RUN(statement) runs the version for the best
// kind that this CPU supports. The functions that the statement calls must be INLINE.
// CMakeLists.txt compiles the files that use this with -O3.
#pragma once

#include <c10/util/BFloat16.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "panels_kernel.h"

#define INLINE        inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))

namespace wide
{

INLINE float get(const float *p, ptrdiff_t i)
{
    return p[i];
}

INLINE void put(float *p, ptrdiff_t i, float x)
{
    p[i] = x;
}

// Converts bfloat16 by its bits, so that compilers vectorize it. Rounds to nearest, ties to even.
INLINE float get(const c10::BFloat16 *p, ptrdiff_t i)
{
    return std::bit_cast<float>(uint32_t(p[i].x) << 16);
}

INLINE void put(c10::BFloat16 *p, ptrdiff_t i, float x)
{
    uint32_t bits = std::bit_cast<uint32_t>(x);
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    p[i].x = uint16_t(x == x ? rounded : 0x7fc0);
}

INLINE float leaky(float x, float slope)
{
    return x > 0 ? x : x * slope;
}

#if defined(__x86_64__)
template <class F> __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))) void avx512(F f)
{
    f();
}
template <class F> __attribute__((target("avx2"))) void avx2(F f)
{
    f();
}
enum class level { plain, avx2, avx512 };
inline const level best = PANELS_HAS_AVX512                ? level::avx512
                          : __builtin_cpu_supports("avx2") ? level::avx2
                                                           : level::plain;
#define RUN(...)                                         \
    do {                                                 \
        auto run = [&]() INLINE_LAMBDA { __VA_ARGS__; }; \
        if (wide::best == wide::level::avx512)           \
            wide::avx512(run);                           \
        else if (wide::best == wide::level::avx2)        \
            wide::avx2(run);                             \
        else                                             \
            run();                                       \
    } while (0)
#else
#define RUN(...) __VA_ARGS__
#endif

} // namespace wide
