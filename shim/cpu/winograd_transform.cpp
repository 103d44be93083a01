#include "winograd_transform.hpp"

#include <vector>

#include "panels.hpp"
#include "wide.hpp"

using wide::get, wide::put, wide::leaky;

namespace winograd
{
namespace
{

enum { LANES = 16, TAPS = 16 }; // TAPS: weights of a 4 x 4 filter

// ---- Loops over channels ------------------------------------------------------------------------

template <class E> INLINE void forward_cells(const E *const d[9], E *const v[9], ptrdiff_t n)
{
    const E *d0 = d[0], *d1 = d[1], *d2 = d[2], *d3 = d[3], *d4 = d[4], *d5 = d[5], *d6 = d[6],
            *d7 = d[7], *d8 = d[8];
    E *v0 = v[0], *v1 = v[1], *v2 = v[2], *v3 = v[3], *v4 = v[4], *v5 = v[5], *v6 = v[6],
      *v7 = v[7], *v8 = v[8];
#pragma GCC ivdep
    for (ptrdiff_t c = 0; c < n; c++) {
        float m0 = get(d3, c), m1 = get(d4, c), m2 = get(d5, c);
        float a0 = get(d0, c) - m0, a1 = get(d1, c) - m1, a2 = get(d2, c) - m2;
        float b0 = get(d6, c) - m0, b1 = get(d7, c) - m1, b2 = get(d8, c) - m2;
        put(v0, c, a0 - a1), put(v1, c, a1), put(v2, c, a2 - a1);
        put(v3, c, m0 - m1), put(v4, c, m1), put(v5, c, m2 - m1);
        put(v6, c, b0 - b1), put(v7, c, b1), put(v8, c, b2 - b1);
    }
}

// Computes four pixels, at one place in their cells, from V of the tile (v[9]) and of its
// neighbours: planes 2 5 8 of the left one, 6 7 8 of the upper one, 8 of the upper left one.
template <class E>
INLINE void backward_cells(const float *const v[16], const float *bias, float slope,
                           E *const out[4], ptrdiff_t n)
{
    const float *v0 = v[0], *v1 = v[1], *v2 = v[2], *v3 = v[3], *v4 = v[4], *v5 = v[5], *v6 = v[6],
                *v7 = v[7], *v8 = v[8], *l2 = v[9], *l5 = v[10], *l8 = v[11], *u6 = v[12],
                *u7 = v[13], *u8 = v[14], *corner = v[15];
    E *o0 = out[0], *o1 = out[1], *o2 = out[2], *o3 = out[3];
#pragma GCC ivdep
    for (ptrdiff_t c = 0; c < n; c++) {
        float top = v1[c] - v0[c] - v2[c], k = bias[c];
        float middle = v4[c] - v3[c] - v5[c];
        float bottom = v7[c] - v6[c] - v8[c];
        float above = u7[c] - u6[c] - u8[c];
        float column = v3[c] - v0[c] - v6[c];
        float beside = l5[c] - l2[c] - l8[c];
        float first = v0[c] + l2[c] + u6[c] + corner[c];
        put(o0, c, leaky(first + k, slope)), put(o1, c, leaky(top + above + k, slope));
        put(o2, c, leaky(column + beside + k, slope));
        put(o3, c, leaky(middle - top - bottom + k, slope));
    }
}

template <class E> INLINE void expand(const E *const g[4], E *const m[9], ptrdiff_t n)
{
    const E *g0 = g[0], *g1 = g[1], *g2 = g[2], *g3 = g[3];
    E *m0 = m[0], *m1 = m[1], *m2 = m[2], *m3 = m[3], *m4 = m[4], *m5 = m[5], *m6 = m[6],
      *m7 = m[7], *m8 = m[8];
#pragma GCC ivdep
    for (ptrdiff_t c = 0; c < n; c++) {
        float a = get(g0, c), b = get(g1, c), d = get(g2, c), e = get(g3, c);
        put(m0, c, a), put(m1, c, a + b), put(m2, c, b);
        put(m3, c, a + d), put(m4, c, (a + b) + (d + e)), put(m5, c, b + e);
        put(m6, c, d), put(m7, c, d + e), put(m8, c, e);
    }
}

template <class E>
INLINE void contract(const float *const m[9], const float *bias, float slope, E *const y[4],
                     ptrdiff_t n)
{
    const float *m0 = m[0], *m1 = m[1], *m2 = m[2], *m3 = m[3], *m4 = m[4], *m5 = m[5], *m6 = m[6],
                *m7 = m[7], *m8 = m[8];
    E *y0 = y[0], *y1 = y[1], *y2 = y[2], *y3 = y[3];
#pragma GCC ivdep
    for (ptrdiff_t c = 0; c < n; c++) {
        float upper = m1[c] + m4[c], lower = m4[c] + m7[c], k = bias[c];
        put(y0, c, leaky(m0[c] + m3[c] + upper + k, slope));
        put(y1, c, leaky(m2[c] + m5[c] + upper + k, slope));
        put(y2, c, leaky(m3[c] + m6[c] + lower + k, slope));
        put(y3, c, leaky(m5[c] + m8[c] + lower + k, slope));
    }
}

// ---- Where the pixels and tiles are -------------------------------------------------------------

// The pixel of cell (row, column) at place (py, px); `outside` in the padding.
template <class E>
INLINE E *pixel(const shape &s, E *outer, ptrdiff_t row, ptrdiff_t column, int py, int px,
                E *outside)
{
    ptrdiff_t y = 2 * row - 1 + py, x = 2 * column - 1 + px;
    if (y < 0 || y >= TILE * s.rows || x < 0 || x >= TILE * s.columns)
        return outside;
    return outer + (y * TILE * s.columns + x) * s.outer;
}

// Calls fn(c, n) for runs of n channels from c on, each within one panel. Channel 0 is column
// `column` of a matrix.
template <class F> INLINE void each_run(ptrdiff_t column, ptrdiff_t channels, F fn)
{
    for (ptrdiff_t c = 0, n; c < channels; c += n) {
        ptrdiff_t left = panels::WIDTH - (column + c) % panels::WIDTH;
        n = left < channels - c ? left : channels - c;
        fn(c, n);
    }
}

template <class E>
INLINE E *in_plane(const planes<E> &p, int k, ptrdiff_t columns, ptrdiff_t tile, ptrdiff_t column)
{
    return p.first + k * panels::size(p.rows, columns) +
           panels::place(p.rows, p.row + tile, column);
}

template <class E> INLINE void all_to_v(const shape &s, const E *outer, const planes<E> &v)
{
    const std::vector<E> padding(size_t(s.outer), E(0.0f));
    for (ptrdiff_t t = 0; t < s.tiles(); t++)
        for (int place = 0; place < 4; place++) {
            const E *pixels[PLANES];
            for (int k = 0; k < PLANES; k++)
                pixels[k] =
                    pixel(s, outer, 2 * (t / s.columns) + k / 3, 2 * (t % s.columns) + k % 3,
                          place / 2, place % 2, padding.data());
            each_run(place * s.outer, s.outer, [&](ptrdiff_t c, ptrdiff_t n) INLINE_LAMBDA {
                const E *d[PLANES];
                E *to[PLANES];
                for (int k = 0; k < PLANES; k++) {
                    d[k] = pixels[k] + c;
                    to[k] = in_plane(v, k, s.cell(), t, place * s.outer + c);
                }
                forward_cells(d, to, n);
            });
        }
}

// The planes of V, of a tile and its upper and left neighbours, that add to the tile's first cell.
constexpr struct {
    int up, left, plane;
} reaching[16] = {
    {0, 0, 0},
    {0, 0, 1},
    {0, 0, 2},
    {0, 0, 3},
    {0, 0, 4},
    {0, 0, 5},
    {0, 0, 6},
    {0, 0, 7},
    {0, 0, 8},
    {0, 1, 2},
    {0, 1, 5},
    {0, 1, 8},
    {1, 0, 6},
    {1, 0, 7},
    {1, 0, 8},
    {1, 1, 8},
};

template <class E>
INLINE void all_to_outer(const shape &s, const planes<const float> &v, const float *bias,
                         float slope, E *outer)
{
    const float zeros[panels::WIDTH] = {};
    std::vector<E> nowhere(size_t(s.outer));
    for (ptrdiff_t row = 0; row <= s.rows; row++)
        for (ptrdiff_t column = 0; column <= s.columns; column++)
            for (int place = 0; place < 4; place++) {
                if ((row == s.rows && place / 2 == 1) || (column == s.columns && place % 2 == 1))
                    continue; // outside
                E *pixels[4];
                for (int i = 0; i < 4; i++)
                    pixels[i] = pixel(s, outer, 2 * row + i / 2, 2 * column + i % 2, place / 2,
                                      place % 2, nowhere.data());
                each_run(place * s.outer, s.outer, [&](ptrdiff_t c, ptrdiff_t n) INLINE_LAMBDA {
                    const float *from[16];
                    for (int i = 0; i < 16; i++) {
                        ptrdiff_t y = row - reaching[i].up, x = column - reaching[i].left;
                        bool inside = y >= 0 && y < s.rows && x >= 0 && x < s.columns;
                        from[i] = inside ? in_plane(v, reaching[i].plane, s.cell(),
                                                    y * s.columns + x, place * s.outer + c)
                                         : zeros;
                    }
                    E *const to[4] = {pixels[0] + c, pixels[1] + c, pixels[2] + c, pixels[3] + c};
                    backward_cells(from, bias + c, slope, to, n);
                });
            }
}

// Finds the 2 x 2 inner pixels of a tile.
template <class E> INLINE void find_inner(const shape &s, E *inner, ptrdiff_t tile, E *out[4])
{
    for (int i = 0; i < 4; i++) {
        ptrdiff_t y = 2 * (tile / s.columns) + i / 2, x = 2 * (tile % s.columns) + i % 2;
        out[i] = inner + (y * 2 * s.columns + x) * s.inner;
    }
}

template <class E> INLINE void all_to_m(const shape &s, const E *inner, const planes<E> &m)
{
    for (ptrdiff_t t = 0; t < s.tiles(); t++) {
        const E *pixels[4];
        find_inner(s, inner, t, pixels);
        each_run(0, s.inner, [&](ptrdiff_t c, ptrdiff_t n) INLINE_LAMBDA {
            const E *const from[4] = {pixels[0] + c, pixels[1] + c, pixels[2] + c, pixels[3] + c};
            E *to[PLANES];
            for (int k = 0; k < PLANES; k++)
                to[k] = in_plane(m, k, s.inner, t, c);
            expand(from, to, n);
        });
    }
}

template <class E>
INLINE void all_to_inner(const shape &s, const planes<const float> &m, const float *bias,
                         float slope, E *inner)
{
    for (ptrdiff_t t = 0; t < s.tiles(); t++) {
        E *pixels[4];
        find_inner(s, inner, t, pixels);
        each_run(0, s.inner, [&](ptrdiff_t c, ptrdiff_t n) INLINE_LAMBDA {
            const float *from[PLANES];
            for (int k = 0; k < PLANES; k++)
                from[k] = in_plane(m, k, s.inner, t, c);
            E *const to[4] = {pixels[0] + c, pixels[1] + c, pixels[2] + c, pixels[3] + c};
            contract(from, bias + c, slope, to, n);
        });
    }
}

// ---- Weights ------------------------------------------------------------------------------------

template <class E>
INLINE void taps_to_u(const float taps[TAPS][LANES], int place, E *u, ptrdiff_t plane)
{
    const float *g0 = taps[4 * (place / 2) + place % 2], *g1 = g0 + 2 * LANES, *g2 = g0 + 8 * LANES,
                *g3 = g0 + 10 * LANES;
    const float *const from[4] = {g0, g1, g2, g3};
    E rows[PLANES][LANES];
    for (int c = 0; c < LANES; c++) {
        float a = from[0][c], b = from[1][c], d = from[2][c], e = from[3][c];
        put(rows[0], c, a), put(rows[1], c, a + b), put(rows[2], c, b);
        put(rows[3], c, a + d), put(rows[4], c, (a + b) + (d + e)), put(rows[5], c, b + e);
        put(rows[6], c, d), put(rows[7], c, d + e), put(rows[8], c, e);
    }
    for (int k = 0; k < PLANES; k++)
        __builtin_memcpy(u + k * plane, rows[k], sizeof rows[k]);
}

template <class E> INLINE void all_to_u(const shape &s, const float *weights, E *u)
{
    ptrdiff_t plane = panels::size(s.inner, s.cell());
    float taps[TAPS][LANES];
    for (ptrdiff_t k = 0; k < s.inner; k++)
        for (ptrdiff_t c = 0; c < s.outer; c += LANES) {
            panels::transpose(weights + (k * s.outer + c) * TAPS, TAPS, taps[0], LANES);
            for (int place = 0; place < 4; place++)
                taps_to_u(taps, place, u + panels::place(s.inner, k, place * s.outer + c), plane);
        }
}

template <class E> INLINE void all_to_u_transposed(const shape &s, const float *weights, E *u)
{
    ptrdiff_t plane = panels::size(s.cell(), s.inner);
    float taps[TAPS][LANES];
    for (ptrdiff_t k = 0; k < s.inner; k += LANES)
        for (ptrdiff_t c = 0; c < s.outer; c++) {
            // LANES filters at once: the compiler does not vectorize over filters by itself
            for (int i = 0; i < LANES; i++)
                __builtin_prefetch(weights + ((k + i) * s.outer + c + 8) * TAPS);
            panels::transpose(weights + (k * s.outer + c) * TAPS, s.outer * TAPS, taps[0], LANES);
            for (int place = 0; place < 4; place++)
                taps_to_u(taps, place, u + panels::place(s.cell(), place * s.outer + c, k), plane);
        }
}

INLINE void all_to_weights(const shape &s, const float *u, float *weights)
{
    ptrdiff_t plane = panels::size(s.inner, s.cell());
    float taps[TAPS][LANES];
    for (ptrdiff_t k = 0; k < s.inner; k++)
        for (ptrdiff_t c = 0; c < s.outer; c += LANES) {
            for (int place = 0; place < 4; place++) {
                const float *v = u + panels::place(s.inner, k, place * s.outer + c);
                float(*to)[LANES] = taps + 4 * (place / 2) + place % 2;
                for (int i = 0; i < LANES; i++) {
                    float v1 = v[plane + i], v3 = v[3 * plane + i], v4 = v[4 * plane + i],
                          v5 = v[5 * plane + i], v7 = v[7 * plane + i];
                    to[0][i] = v[i] + v1 + v3 + v4;
                    to[2][i] = v1 + v[2 * plane + i] + v4 + v5;
                    to[8][i] = v3 + v4 + v[6 * plane + i] + v7;
                    to[10][i] = v4 + v5 + v7 + v[8 * plane + i];
                }
            }
            panels::transpose(taps[0], LANES, weights + (k * s.outer + c) * TAPS, TAPS);
        }
}

} // namespace

template <class E> void outer_to_v(const shape &s, const E *outer, const planes<E> &v)
{
    RUN(all_to_v(s, outer, v));
}

template <class E>
void v_to_outer(const shape &s, const planes<const float> &v, const float *bias, float slope,
                E *outer)
{
    RUN(all_to_outer(s, v, bias, slope, outer));
}

template <class E> void inner_to_m(const shape &s, const E *inner, const planes<E> &m)
{
    RUN(all_to_m(s, inner, m));
}

template <class E>
void m_to_inner(const shape &s, const planes<const float> &m, const float *bias, float slope,
                E *inner)
{
    RUN(all_to_inner(s, m, bias, slope, inner));
}

template <class E> void weights_to_u(const shape &s, const float *weights, bool transposed, E *u)
{
    if (transposed)
        RUN(all_to_u_transposed(s, weights, u));
    else
        RUN(all_to_u(s, weights, u));
}

void u_to_weights(const shape &s, const float *u, float *weights)
{
    RUN(all_to_weights(s, u, weights));
}

#define FOR(E)                                                                                    \
    template void outer_to_v<E>(const shape &, const E *, const planes<E> &);                     \
    template void v_to_outer<E>(const shape &, const planes<const float> &, const float *, float, \
                                E *);                                                             \
    template void inner_to_m<E>(const shape &, const E *, const planes<E> &);                     \
    template void m_to_inner<E>(const shape &, const planes<const float> &, const float *, float, \
                                E *);                                                             \
    template void weights_to_u<E>(const shape &, const float *, bool, E *);
FOR(float)
FOR(c10::BFloat16)
#undef FOR

} // namespace winograd
