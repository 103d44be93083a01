/* Arithmetic that reports overflow instead of wrapping, for sizes from files and flags. */
#ifndef BIFRONS_BASE_CHECKED_H
#define BIFRONS_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* false on overflow: *out is then unchanged. */
static inline bool checked_mul(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

static inline bool checked_add(size_t a, size_t b, size_t *out)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

static inline bool checked_int(long long value, int *out)
{
    int narrow = (int)value;
    if (narrow != value)
        return false;
    *out = narrow;
    return true;
}

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)       ((a) < (b) ? (a) : (b))
#define MAX(a, b)       ((a) > (b) ? (a) : (b))

#endif
