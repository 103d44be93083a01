/* Element types: their size and their sum. */
#include <string.h>

#include "base/checked.h"
#include "comm_priv.h"

/* Small enough for a block of sums to stay in the first-level cache while versions stream by. */
enum { BLOCK = 1024 };

size_t comm_dtype_bytes(enum comm_dtype dtype)
{
    switch (dtype) {
    case COMM_F32:
        return 4;
    case COMM_F64:
    case COMM_U64:
        return 8;
    case COMM_BF16:
        return 2;
    case COMM_U8:
        return 1;
    }
    BUG_ON("unknown dtype");
    return 0;
}

enum comm_dtype comm_dtype_wide(enum comm_dtype dtype)
{
    return dtype == COMM_BF16 ? COMM_F32 : dtype;
}

static uint16_t bf16_round(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x40); /* a NaN stays one */
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}

static float bf16_widen(uint16_t x)
{
    uint32_t u = (uint32_t)x << 16;
    float wide;
    memcpy(&wide, &u, sizeof wide);
    return wide;
}

/* A block of sums in the wide type. */
union block {
    float f32[BLOCK];
    double f64[BLOCK];
    uint64_t u64[BLOCK];
};

static void block_set(union block *b, const void *version, size_t n, enum comm_dtype dtype)
{
    const uint16_t *narrow = version;
    if (dtype == COMM_BF16)
        for (size_t i = 0; i < n; i++)
            b->f32[i] = bf16_widen(narrow[i]);
    else
        memcpy(b, version, n * comm_dtype_bytes(dtype));
}

static void add_f32(float *restrict sum, const float *restrict term, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += term[i];
}

static void add_f64(double *restrict sum, const double *restrict term, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += term[i];
}

static void add_u64(uint64_t *restrict sum, const uint64_t *restrict term, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += term[i];
}

static void add_bf16(float *restrict sum, const uint16_t *restrict term, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += bf16_widen(term[i]);
}

static void block_add(union block *b, const void *term, size_t n, enum comm_dtype dtype)
{
    switch (dtype) {
    case COMM_F32:
        add_f32(b->f32, term, n);
        return;
    case COMM_F64:
        add_f64(b->f64, term, n);
        return;
    case COMM_U64:
        add_u64(b->u64, term, n);
        return;
    case COMM_BF16:
        add_bf16(b->f32, term, n);
        return;
    case COMM_U8:
        break;
    }
    BUG_ON("a dtype without a sum");
}

/* Elements [first, first + n) of all versions. */
static void block_sum(union block *b, const void *const *versions, const struct comm_order *order,
                      size_t first, size_t n, enum comm_dtype dtype)
{
    union block group;
    size_t offset = first * comm_dtype_bytes(dtype);
    int version = 0;
    for (int g = 0; g < order->n_groups; g++) {
        union block *sum = g == 0 ? b : &group;
        for (int i = 0; i < order->group_sizes[g]; i++, version++) {
            const void *at = (const unsigned char *)versions[version] + offset;
            if (i == 0)
                block_set(sum, at, n, dtype);
            else
                block_add(sum, at, n, dtype);
        }
        if (g > 0)
            block_add(b, &group, n, comm_dtype_wide(dtype));
    }
}

void comm_narrow(void *out, const void *wide, size_t count, enum comm_dtype dtype)
{
    uint16_t *narrow = out;
    const float *from = wide;
    if (dtype == COMM_BF16)
        for (size_t i = 0; i < count; i++)
            narrow[i] = bf16_round(from[i]);
    else
        memcpy(out, wide, count * comm_dtype_bytes(dtype));
}

void comm_sum(void *const *out, int n_out, const void *const *versions,
              const struct comm_order *order, size_t count, enum comm_dtype dtype)
{
    union block b;
    size_t element = comm_dtype_bytes(dtype);
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t n = MIN((size_t)BLOCK, count - first);
        block_sum(&b, versions, order, first, n, dtype);
        for (int o = 0; o < n_out; o++)
            comm_narrow((unsigned char *)out[o] + first * element, &b, n, dtype);
    }
}

void comm_sum_wide(void *out, const void *const *versions, const struct comm_order *order,
                   size_t count, enum comm_dtype dtype)
{
    union block b;
    size_t element = comm_dtype_bytes(comm_dtype_wide(dtype));
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t n = MIN((size_t)BLOCK, count - first);
        block_sum(&b, versions, order, first, n, dtype);
        memcpy((unsigned char *)out + first * element, &b, n * element);
    }
}
