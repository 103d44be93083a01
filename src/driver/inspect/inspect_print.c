#include <stdio.h>

#include "inspect.h"

enum { LABEL_COLUMNS = 16 };

/* Length of the control character that starts here; 0 if there is none. Includes those of Latin-1,
 * C2 80 to C2 9F in UTF-8. */
static size_t control_bytes(const char *p)
{
    unsigned char c = (unsigned char)p[0], next = (unsigned char)p[1];
    if (c == 0xC2 && next >= 0x80 && next <= 0x9f)
        return 2;
    return c < 0x20 || c == 0x7f ? 1 : 0;
}

static void print_clean(const char *text)
{
    while (*text) {
        size_t control = control_bytes(text);
        if (text[0] == '\n' && text[1] != '\0')
            printf("\n%-*s", LABEL_COLUMNS, "");
        else if (text[0] != '\n')
            putchar(control > 0 ? '?' : *text);
        text += control > 0 ? control : 1;
    }
}

void inspect_print(const char *name, const char *value)
{
    json_t *text = json_text_or_null(value); /* valid UTF-8 */
    printf("%-*s", LABEL_COLUMNS, name);
    print_clean(text ? json_string_value(text) : "");
    putchar('\n');
    json_decref(text);
}
