/* Helpers for modules that write JSON with jansson; base itself does not use jansson. */
#ifndef BIFRONS_BASE_JSON_H
#define BIFRONS_BASE_JSON_H

#include <jansson.h>
#include <math.h>

/* x, or null for NaN and infinity, which JSON lacks. A new reference; NULL: out of memory. */
static inline json_t *json_number_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

#endif
