#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"

enum { LABEL_COLUMNS = 12 };

json_t *inspect_text(const char *text)
{
    json_t *whole = json_string(text);
    if (whole)
        return whole;
    char *ascii = strdup(text);
    for (char *p = ascii; p && *p; p++)
        if ((unsigned char)*p > 0x7e)
            *p = '?';
    whole = ascii ? json_string(ascii) : NULL;
    free(ascii);
    return whole;
}

/* Control characters, also those of eight bits hidden in UTF-8 (C2 80 to C2 9F). */
static bool is_control(const char *p)
{
    unsigned char c = (unsigned char)p[0], next = (unsigned char)p[1];
    return c < 0x20 || c == 0x7f || (c == 0xC2 && next >= 0x80 && next <= 0x9f);
}

void inspect_print(const char *name, const char *value)
{
    printf("%-*s", LABEL_COLUMNS, name);
    for (const char *p = value; *p; p++) {
        if (*p == '\n')
            printf("\n%-*s", LABEL_COLUMNS, "");
        else
            putchar(is_control(p) ? '?' : *p);
    }
    putchar('\n');
}

enum status inspect_print_json(json_t *object, struct errmsg *em)
{
    if (!object)
        return FAIL(em, ST_MEMORY, "out of memory");
    int bad = json_dumpf(object, stdout, JSON_COMPACT);
    json_decref(object);
    if (bad || putchar('\n') == EOF || fflush(stdout) != 0)
        return FAIL(em, ST_IO, "cannot write to standard output");
    return ST_OK;
}
