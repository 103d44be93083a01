/* Helpers for modules that write JSON with jansson; base itself does not use jansson. */
#ifndef BIFRONS_BASE_JSON_H
#define BIFRONS_BASE_JSON_H

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* x, or null for NaN and infinity, which JSON lacks. A new reference; NULL: out of memory. */
static inline json_t *json_number_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* A string; null for NULL. If the text is not UTF-8, bytes outside ASCII become '?'. A new
 * reference; NULL: out of memory. */
static inline json_t *json_text_or_null(const char *text)
{
    if (!text)
        return json_null();
    json_t *string = json_string(text);
    if (string)
        return string;
    char *ascii = strdup(text);
    for (char *c = ascii; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    string = ascii ? json_string(ascii) : NULL;
    free(ascii);
    return string;
}

/* Both take over the value. *failed becomes true where memory runs out (also if value is NULL), and
 * is checked once, at the end. */
static inline void json_put(json_t *object, const char *key, json_t *value, bool *failed)
{
    *failed |= json_object_set_new(object, key, value) != 0;
}

static inline void json_append(json_t *array, json_t *value, bool *failed)
{
    *failed |= json_array_append_new(array, value) != 0;
}

/* Prints it and a line feed; flags: of json_dumps. Takes over the reference; NULL: ST_MEMORY. */
static inline enum status json_print(FILE *f, json_t *value, size_t flags, struct errmsg *em)
{
    char *text = value ? json_dumps(value, flags) : NULL;
    json_decref(value);
    if (!text)
        return FAIL(em, ST_MEMORY, "out of memory");
    fprintf(f, "%s\n", text);
    free(text);
    return ST_OK;
}

#endif
