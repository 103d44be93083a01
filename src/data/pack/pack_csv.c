#include "pack_csv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#include "base/poison.h"

enum { CSV_BYTES_MAX = 1 << 30 };

enum status pack_csv_text(const char *path, char **memory_out, char **text_out, struct errmsg *em)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF"; /* spreadsheets write it */
    size_t n, mark = sizeof byte_order_mark - 1;
    uint8_t *bytes;
    enum status st = file_read_all(path, CSV_BYTES_MAX, &bytes, &n, em);
    if (st != ST_OK)
        return st;
    if (memchr(bytes, '\0', n)) {
        free(bytes);
        return FAIL(em, ST_DATA, "%s is not UTF-8 text: save it as CSV in UTF-8", path);
    }
    *memory_out = (char *)bytes;
    *text_out = *memory_out + (strncmp(*memory_out, byte_order_mark, mark) == 0 ? mark : 0);
    return ST_OK;
}

enum status pack_csv_open(struct pack_csv *c, const char *path, struct errmsg *em)
{
    *c = (struct pack_csv){.path = path, .next_line = 1};
    return pack_csv_text(path, &c->text, &c->next, em);
}

/* Takes the quotes off a field and ends it; returns its end. NULL: the quote does not end. */
static char *take_quoted(struct pack_csv *c, char *field)
{
    char *to = field, *from = field + 1;
    for (;; from++) {
        if (*from == '\0')
            return NULL;
        if (from[0] == '"' && from[1] != '"')
            break;
        from += *from == '"';
        c->next_line += *from == '\n';
        *to++ = *from;
    }
    *to = '\0';
    return from + 1;
}

/* Ends the record at a line end; returns the start of the next one. */
static char *after_line(struct pack_csv *c, char *end)
{
    bool two = end[0] == '\r' && end[1] == '\n', none = *end == '\0';
    c->next_line += !none;
    *end = '\0';
    return end + (none ? 0 : two ? 2 : 1);
}

enum status pack_csv_next(struct pack_csv *c, struct errmsg *em)
{
    c->n = 0;
    while (*c->next == '\r' || *c->next == '\n')
        c->next = after_line(c, c->next);
    c->line = c->next_line;
    for (bool more = *c->next != '\0'; more;) {
        char *field = c->next, *end = field + strcspn(field, ",\r\n");
        if (c->n == PACK_CSV_FIELDS_MAX)
            return FAIL(em, ST_DATA, "%s:%zu: more than %d fields", c->path, c->line,
                        PACK_CSV_FIELDS_MAX);
        if (*field == '"' && !(end = take_quoted(c, field)))
            return FAIL(em, ST_DATA,
                        "%s:%zu: a quote is opened and not closed: is the file cut "
                        "short?",
                        c->path, c->line);
        if (!strchr(",\r\n", *end)) { /* also finds the end of the text */
            end[strcspn(end, "\r\n")] = '\0';
            return FAIL(em, ST_DATA,
                        "%s:%zu: \"%.60s\" follows a closing quote: write a quote within a field "
                        "twice",
                        c->path, c->line, end);
        }
        c->fields[c->n++] = field;
        more = *end == ',';
        if (more) {
            *end = '\0';
            c->next = end + 1;
        } else {
            c->next = after_line(c, end);
        }
    }
    return ST_OK;
}

void pack_csv_release(struct pack_csv *c)
{
    free(c->text);
    *c = (struct pack_csv){0};
}
