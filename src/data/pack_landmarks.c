/* landmarks.csv: a header, then a name and ten numbers a line. The name may hold commas. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "pack_priv.h"

#include "base/poison.h"

enum { NUMBERS = 2 * SET_LANDMARKS, CSV_BYTES_MAX = 1 << 30 };

struct csv_row {
    char *name;
    float numbers[NUMBERS];
};

static int compare_rows(const void *a, const void *b)
{
    const struct csv_row *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Cuts the numbers off the end of the line, last one first; what is left is the name. */
static bool parse_line(char *line, struct csv_row *out)
{
    for (int i = NUMBERS; i-- > 0;) {
        char *comma = strrchr(line, ','), *end;
        if (!comma)
            return false;
        out->numbers[i] = strtof(comma + 1, &end);
        while (isspace((unsigned char)*end))
            end++;
        if (end == comma + 1 || *end != '\0' || !isfinite(out->numbers[i]))
            return false;
        *comma = '\0';
    }
    out->name = line;
    return line[0] != '\0';
}

/* Rows of the text, sorted by name; names point into it. */
static enum status parse(char *text, const char *path, struct csv_row **rows_out, size_t *n_out,
                         struct errmsg *em)
{
    size_t lines = 1, n = 0, number = 0;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    struct csv_row *rows = calloc(lines, sizeof *rows);
    if (!rows)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        if (number++ == 0 || line[0] == '\0')
            continue; /* the header */
        if (!parse_line(line, &rows[n++])) {
            free(rows);
            return FAIL(em, ST_DATA, "%s:%zu: a name and %d numbers are wanted, with commas", path,
                        number, NUMBERS);
        }
    }
    qsort(rows, n, sizeof *rows, compare_rows);
    *rows_out = rows;
    *n_out = n;
    return ST_OK;
}

static const struct csv_row *find(const struct csv_row *rows, size_t n, char *name)
{
    const struct csv_row key = {.name = name};
    return bsearch(&key, rows, n, sizeof *rows, compare_rows);
}

enum status pack_landmarks_read(struct pack_source *s, size_t first, const char *folder,
                                struct errmsg *em)
{
    char path[PATH_BYTES_MAX], stem[SET_NAME_BYTES_MAX], name[SET_NAME_BYTES_MAX];
    uint8_t *bytes;
    size_t n_bytes, n = 0;
    struct csv_row *rows = NULL;
    if (!path_join(path, sizeof path, folder, "landmarks.csv") || !file_exists(path))
        return ST_OK;
    enum status st = file_read_all(path, CSV_BYTES_MAX, &bytes, &n_bytes, em);
    if (st != ST_OK)
        return st;
    st = parse((char *)bytes, path, &rows, &n, em);
    for (size_t i = first; i < s->n && st == ST_OK; i++) {
        struct pack_item *item = &s->items[i];
        snprintf(name, sizeof name, "%s", path_name(item->path));
        path_stem(item->path, stem, sizeof stem);
        const struct csv_row *row = find(rows, n, name); /* by file name, or by stem */
        if (!row)
            row = find(rows, n, stem);
        item->has_landmarks = row != NULL;
        if (row)
            memcpy(item->landmarks, row->numbers, sizeof item->landmarks);
    }
    free(rows);
    free(bytes);
    return st;
}
