// Compiled once for each kind of CPU; PANELS_KERNELS is the name of the result. Include no header
// that defines functions: the linker could keep a version that another kind of CPU cannot run.
//
// A tile of c stays in registers during the loop over k. For each k the loop loads VECTORS vectors
// of b and ROWS elements of a, each broadcast to a vector.
#include "panels_kernel.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define INLINE inline __attribute__((always_inline))

namespace
{

constexpr ptrdiff_t WIDTH = PANELS_WIDTH;

#if defined(__AVX512F__)
constexpr int BYTES = 64, VECTORS_MAX = 4; // bytes of a vector; vectors in a row of a tile
#elif defined(__AVX2__)
constexpr int BYTES = 32, VECTORS_MAX = 2;
#else
constexpr int BYTES = 16, VECTORS_MAX = 2;
#endif
constexpr int LANES = BYTES / 4, ROWS_MAX = 6;

typedef float vec __attribute__((vector_size(BYTES)));
typedef float vec_anywhere __attribute__((vector_size(BYTES), aligned(4), may_alias));

struct f32 {
    using element = float;
    using vector = vec;
    static constexpr int STEP = 1; // values of k taken at once
    static INLINE vec load(const float *b)
    {
        return *reinterpret_cast<const vec_anywhere *>(b);
    }
    static INLINE vec multiply_add(vec sum, const float *a, vec b)
    {
        return sum + *a * b;
    }
};

#if defined(__AVX512BF16__)
struct bf16 {
    using element = uint16_t;
    using vector = __m512bh;
    static constexpr int STEP = 2;
    static INLINE __m512bh load(const uint16_t *b)
    {
        return (__m512bh)_mm512_loadu_si512(b);
    }
    static INLINE vec multiply_add(vec sum, const uint16_t *a, __m512bh b)
    {
        int pair;
        __builtin_memcpy(&pair, a, sizeof pair);
        return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(pair), b);
    }
};
#endif

// Computes one tile; `panel` is the number of elements in a panel of a.
template <class T, bool TURNED, int VECTORS, int ROWS>
INLINE void tile(ptrdiff_t k, const typename T::element *a, ptrdiff_t panel,
                 const typename T::element *b, float *c, bool add)
{
    vec sum[ROWS][VECTORS];
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < VECTORS; j++)
            sum[i][j] = add ? f32::load(c + i * WIDTH + j * LANES) : vec{};
    for (ptrdiff_t first = 0; first < k; first += WIDTH) {
        ptrdiff_t n = k - first < WIDTH ? k - first : WIDTH;
        for (ptrdiff_t q = 0; q < n; q += T::STEP) {
            typename T::vector x[VECTORS];
            for (int j = 0; j < VECTORS; j++)
                x[j] = T::load(b + T::STEP * j * LANES);
            for (int i = 0; i < ROWS; i++)
                for (int j = 0; j < VECTORS; j++)
                    sum[i][j] =
                        T::multiply_add(sum[i][j],
                                        TURNED ? a + q * WIDTH + T::STEP * i : a + i * WIDTH + q,
                                        x[j]);
            b += T::STEP * WIDTH;
        }
        a += TURNED ? WIDTH * WIDTH : panel;
    }
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < VECTORS; j++)
            *reinterpret_cast<vec_anywhere *>(c + i * WIDTH + j * LANES) = sum[i][j];
}

// Computes the last rows, at most ROWS of them.
template <class T, bool TURNED, int VECTORS, int ROWS>
INLINE void tile_of(ptrdiff_t rows, ptrdiff_t k, const typename T::element *a, ptrdiff_t panel,
                    const typename T::element *b, float *c, bool add)
{
    if (rows >= ROWS)
        tile<T, TURNED, VECTORS, ROWS>(k, a, panel, b, c, add);
    else if constexpr (ROWS > 1)
        tile_of<T, TURNED, VECTORS, ROWS - 1>(rows, k, a, panel, b, c, add);
}

// Computes all rows of VECTORS * LANES columns.
template <class T, bool TURNED, int VECTORS>
void strip(const panels_product &p, const typename T::element *b, float *c)
{
    auto a = static_cast<const typename T::element *>(p.a);
    ptrdiff_t panel = (TURNED ? p.k : p.m) * WIDTH;
    for (ptrdiff_t row = 0; row < p.m;) {
        ptrdiff_t rows = p.m - row;
        if (TURNED && rows > WIDTH - row % WIDTH)
            rows = WIDTH - row % WIDTH;
        const typename T::element *from =
            TURNED ? a + row / WIDTH * panel + T::STEP * (row % WIDTH) : a + row * WIDTH;
        tile_of<T, TURNED, VECTORS, ROWS_MAX>(rows, p.k, from, panel, b, c + row * WIDTH, p.add);
        row += rows < ROWS_MAX ? rows : ROWS_MAX;
    }
}

template <class T, bool TURNED, int VECTORS>
INLINE void strip_of(ptrdiff_t vectors, const panels_product &p, const typename T::element *b,
                     float *c)
{
    if (vectors >= VECTORS)
        strip<T, TURNED, VECTORS>(p, b, c);
    else if constexpr (VECTORS > 1)
        strip_of<T, TURNED, VECTORS - 1>(vectors, p, b, c);
}

template <class T, bool TURNED> void multiply_as(const panels_product &p)
{
    auto b = static_cast<const typename T::element *>(p.b);
    for (ptrdiff_t column = 0; column < p.n; column += VECTORS_MAX * LANES)
        strip_of<T, TURNED, VECTORS_MAX>((p.n - column) / LANES, p,
                                         b + column / WIDTH * WIDTH * p.k +
                                             T::STEP * (column % WIDTH),
                                         p.c + column / WIDTH * WIDTH * p.m + column % WIDTH);
}

template <class T> void multiply(const panels_product *p)
{
    if (p->turned)
        multiply_as<T, true>(*p);
    else
        multiply_as<T, false>(*p);
}

// Transposes 16 x 16 numbers by shuffles: pairs of rows, then fours, then all sixteen.
#if defined(__AVX512F__)
void transpose(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride)
{
    __m512 row[16], pair[16], four[16];
    for (int i = 0; i < 16; i++)
        row[i] = _mm512_loadu_ps(from + i * from_stride);
    for (int i = 0; i < 16; i += 2) {
        pair[i] = _mm512_unpacklo_ps(row[i], row[i + 1]);
        pair[i + 1] = _mm512_unpackhi_ps(row[i], row[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int k = 0; k < 2; k++) {
            __m512d low = _mm512_castps_pd(pair[i + k]), high = _mm512_castps_pd(pair[i + k + 2]);
            four[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            four[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    // four[4 b + c] holds columns c, c + 4, c + 8 and c + 12 of rows 4 b to 4 b + 3
    for (int c = 0; c < 4; c++) {
        __m512 a = _mm512_shuffle_f32x4(four[c], four[4 + c], 0x88);      // columns c, c + 8
        __m512 b = _mm512_shuffle_f32x4(four[c], four[4 + c], 0xdd);      // c + 4, c + 12
        __m512 d = _mm512_shuffle_f32x4(four[8 + c], four[12 + c], 0x88); // the same, lower rows
        __m512 e = _mm512_shuffle_f32x4(four[8 + c], four[12 + c], 0xdd);
        _mm512_storeu_ps(to + c * to_stride, _mm512_shuffle_f32x4(a, d, 0x88));
        _mm512_storeu_ps(to + (c + 4) * to_stride, _mm512_shuffle_f32x4(b, e, 0x88));
        _mm512_storeu_ps(to + (c + 8) * to_stride, _mm512_shuffle_f32x4(a, d, 0xdd));
        _mm512_storeu_ps(to + (c + 12) * to_stride, _mm512_shuffle_f32x4(b, e, 0xdd));
    }
}
#else
void transpose(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride)
{
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++)
            to[j * to_stride + i] = from[i * from_stride + j];
}
#endif

#if defined(__AVX512BF16__)
void interleave_pairs(ptrdiff_t pairs, uint16_t *rows)
{
    alignas(BYTES) uint16_t low[32], high[32]; // indices into two vectors side by side
    for (int i = 0; i < 32; i++) {
        low[i] = uint16_t(i / 2 + i % 2 * 32);
        high[i] = uint16_t(low[i] + 16);
    }
    const __m512i first = _mm512_load_si512(low), second = _mm512_load_si512(high);
    for (; pairs-- > 0; rows += 2 * WIDTH) {
        __m512i a = _mm512_loadu_si512(rows), b = _mm512_loadu_si512(rows + 32);
        __m512i c = _mm512_loadu_si512(rows + 64), d = _mm512_loadu_si512(rows + 96);
        _mm512_storeu_si512(rows, _mm512_permutex2var_epi16(a, first, c));
        _mm512_storeu_si512(rows + 32, _mm512_permutex2var_epi16(a, second, c));
        _mm512_storeu_si512(rows + 64, _mm512_permutex2var_epi16(b, first, d));
        _mm512_storeu_si512(rows + 96, _mm512_permutex2var_epi16(b, second, d));
    }
}
#endif

} // namespace

extern const panels_kernels PANELS_KERNELS = {
    .f32 = multiply<f32>,
#if defined(__AVX512BF16__)
    .bf16 = multiply<bf16>,
    .interleave = interleave_pairs,
#else
    .bf16 = nullptr,
    .interleave = nullptr,
#endif
    .transpose = transpose,
};
