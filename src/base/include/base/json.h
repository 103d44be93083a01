/* Helpers for modules that write JSON with jansson; base itself does not use jansson. */
#ifndef BIFRONS_BASE_JSON_H
#define BIFRONS_BASE_JSON_H

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

#endif
