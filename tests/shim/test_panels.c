/* Products of matrices in panels, by every kernel that this processor runs, against sums in double
 * precision. */
#include "panels_kernel.h"

#include <math.h>
#include <string.h>

#include "testing.h"

enum { WIDTH = PANELS_WIDTH, KERNELS_MAX = 4 };

struct named {
    const char *name;
    const struct panels_kernels *kernels;
};

static size_t find_kernels(struct named found[KERNELS_MAX])
{
    size_t n = 0;
    found[n++] = (struct named){"plain", &panels_plain};
#if defined(__x86_64__)
    if (PANELS_HAS_AVX2)
        found[n++] = (struct named){"avx2", &panels_avx2};
    if (PANELS_HAS_AVX512)
        found[n++] = (struct named){"avx512", &panels_avx512};
    if (PANELS_HAS_AVX512_BF16)
        found[n++] = (struct named){"avx512_bf16", &panels_avx512_bf16};
#endif
    return n;
}

/* A matrix of numbers that bfloat16 holds, in panels; what lies beside its columns is NaN, so that
 * reading it shows. */
struct matrix {
    size_t rows, columns;
    float *in_panels;
};

static size_t place(const struct matrix *m, size_t row, size_t column)
{
    return (column / WIDTH * m->rows + row) * WIDTH + column % WIDTH;
}

static size_t size_of(const struct matrix *m)
{
    return (m->columns + WIDTH - 1) / WIDTH * WIDTH * m->rows;
}

static struct matrix make(size_t rows, size_t columns, unsigned seed)
{
    struct matrix m = {.rows = rows, .columns = columns};
    m.in_panels = calloc(size_of(&m), sizeof *m.in_panels);
    assert_non_null(m.in_panels);
    for (size_t i = 0; i < size_of(&m); i++)
        m.in_panels[i] = NAN;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            seed = seed * 1664525u + 1013904223u;
            m.in_panels[place(&m, r, c)] = (float)((int)(seed >> 24) - 128) / 64.0f;
        }
    return m;
}

static uint16_t *as_bf16(const struct matrix *m)
{
    uint16_t *bits = calloc(size_of(m), sizeof *bits);
    assert_non_null(bits);
    for (size_t i = 0; i < size_of(m); i++) {
        uint32_t of;
        memcpy(&of, &m->in_panels[i], sizeof of);
        bits[i] = (uint16_t)(of >> 16);
    }
    return bits;
}

struct sizes {
    size_t m, n, k;
    bool turned, add;
};

static void check(const char *name, struct sizes s, const struct matrix *a, const struct matrix *b,
                  const struct matrix *before, const struct matrix *c)
{
    for (size_t i = 0; i < s.m; i++)
        for (size_t j = 0; j < s.n; j++) {
            double sum = s.add ? before->in_panels[place(before, i, j)] : 0.0;
            for (size_t k = 0; k < s.k; k++)
                sum += (double)a->in_panels[s.turned ? place(a, k, i) : place(a, i, k)] *
                       b->in_panels[place(b, k, j)];
            double got = c->in_panels[place(c, i, j)];
            if (!(fabs(got - sum) <= 1e-5 * (double)s.k))
                fail_msg("%s, %zu x %zu of %zu%s%s: (%zu, %zu) is %g, not %g", name, s.m, s.n, s.k,
                         s.turned ? ", turned" : "", s.add ? ", added" : "", i, j, got, sum);
        }
}

static void multiply(const struct named *by, struct sizes s, bool bf16)
{
    struct matrix a = s.turned ? make(s.k, s.m, 1) : make(s.m, s.k, 1), b = make(s.k, s.n, 2),
                  before = make(s.m, s.n, 3), c = make(s.m, s.n, 3);
    struct panels_product p = {.m = (ptrdiff_t)s.m,
                               .n = (ptrdiff_t)s.n,
                               .k = (ptrdiff_t)s.k,
                               .a = a.in_panels,
                               .b = b.in_panels,
                               .c = c.in_panels,
                               .turned = s.turned,
                               .add = s.add};
    if (!bf16) {
        by->kernels->f32(&p);
    } else {
        uint16_t *left = as_bf16(&a), *right = as_bf16(&b);
        if (s.turned)
            by->kernels->interleave((ptrdiff_t)(size_of(&a) / (2 * WIDTH)), left);
        by->kernels->interleave((ptrdiff_t)(size_of(&b) / (2 * WIDTH)), right);
        p.a = left, p.b = right;
        by->kernels->bf16(&p);
        free(left), free(right);
    }
    check(by->name, s, &a, &b, &before, &c);
    free(a.in_panels), free(b.in_panels), free(before.in_panels), free(c.in_panels);
}

/* Around the sizes of tiles (6 rows, 16 to 64 columns) and of panels. */
static void every_size(const struct named *by, bool bf16)
{
    static const size_t m[] = {1, 5, 6, 7, 64, 77, 131}, n[] = {16, 32, 48, 64, 80, 144},
                        k[] = {2, 62, 64, 66, 130};
    for (size_t i = 0; i < sizeof m / sizeof *m; i++)
        for (size_t j = 0; j < sizeof n / sizeof *n; j++)
            for (size_t l = 0; l < sizeof k / sizeof *k; l++)
                for (int way = 0; way < 4; way++)
                    multiply(by,
                             (struct sizes){.m = m[i],
                                            .n = n[j],
                                            .k = k[l] - (bf16 ? 0 : 1),
                                            .turned = way & 1,
                                            .add = way & 2},
                             bf16);
}

static void kernels_multiply_as_sums_in_double_do(void **state)
{
    (void)state;
    struct named found[KERNELS_MAX];
    for (size_t n = find_kernels(found); n-- > 0;)
        every_size(&found[n], false);
}

static void kernels_multiply_bf16(void **state)
{
    (void)state;
    struct named found[KERNELS_MAX];
    size_t ran = 0;
    for (size_t n = find_kernels(found); n-- > 0;)
        if (found[n].kernels->bf16) {
            every_size(&found[n], true);
            ran++;
        }
    if (ran == 0)
        skip();
}

static void kernels_transpose(void **state)
{
    (void)state;
    enum { SIDE = 16, FROM = 19, TO = 23 };
    struct named found[KERNELS_MAX];
    for (size_t n = find_kernels(found); n-- > 0;) {
        float from[SIDE * FROM], to[SIDE * TO] = {0};
        for (int i = 0; i < SIDE * FROM; i++)
            from[i] = (float)i;
        found[n].kernels->transpose(from, FROM, to, TO);
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < TO; j++)
                assert_float_equal(to[i * TO + j], j < SIDE ? from[j * FROM + i] : 0.0f, 0.0f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_multiply_as_sums_in_double_do),
        cmocka_unit_test(kernels_multiply_bf16),
        cmocka_unit_test(kernels_transpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
