/* Element types: their size and their sum. */
#include <string.h>

#include "base/status.h"
#include "comm_priv.h"

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

void comm_add(void *sum, const void *term, size_t count, enum comm_dtype dtype)
{
    switch (dtype) {
    case COMM_F32:
        add_f32(sum, term, count);
        return;
    case COMM_F64:
        add_f64(sum, term, count);
        return;
    case COMM_U64:
        add_u64(sum, term, count);
        return;
    case COMM_BF16:
    case COMM_U8:
        break;
    }
    BUG_ON("a dtype without a sum");
}
