/* What several files write as JSON. For modules that use jansson; base itself does not. */
#ifndef BIFRONS_BASE_JSON_H
#define BIFRONS_BASE_JSON_H

#include <jansson.h>
#include <math.h>

/* JSON has no NaN and no infinity: null stands for them. A new reference; NULL where memory is out.
 */
static inline json_t *json_number_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

#endif
