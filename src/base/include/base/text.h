/*
 * Cuts UTF-8 text between two characters.
 *
 *     char name[20];
 *     snprintf(name, sizeof name, "%.*s", (int)text_fit(text, sizeof name - 1), text);
 */
#ifndef BIFRONS_BASE_TEXT_H
#define BIFRONS_BASE_TEXT_H

#include <stddef.h>
#include <string.h>

/* Length in bytes of the longest prefix of the text that has at most n bytes and cuts no
 * character. */
static inline size_t text_fit(const char *text, size_t n)
{
    if (strnlen(text, n + 1) <= n)
        return strlen(text);
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--;
    return n;
}

/* Length in bytes of a text of n bytes without its last character. */
static inline size_t text_drop(const char *text, size_t n)
{
    return n > 0 ? text_fit(text, n - 1) : 0;
}

#endif
