/*
 * Reads landmarks.csv and points.csv: each line has a name and numbers. The name may contain commas
 * or be quoted. A first line without numbers is a header. Line ends may be those of any system.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "pack_csv.h"
#include "pack_priv.h"

#include "base/poison.h"

enum { LINE_BYTES_MAX = 64 * 1024 };

/* clang-format off */
const struct pack_marks_kind pack_marks_kinds[PACK_MARKS] = {
    [PACK_LANDMARKS] = {"landmarks", "landmarks.csv", SET_LANDMARKS, false,
        "a name and 10 numbers, separated by commas (x and y of both eyes, nose, both mouth ends)"},
    [PACK_POINTS] = {"points", "points.csv", FACE_POINTS, true,
        "a name and 140 numbers, separated by commas (x and y of iBUG 300-W's 68 points and of both "
        "pupils; leave a number empty if it is not known: ,,,, at the end for pupils)"},
};
/* clang-format on */

/* --- one line --------------------------------------------------------------------------------- */

/* Parses a field as a number, with blanks around it: 0 not a number, 1 finite, -1 inf or nan. With
 * gaps, nan and an empty field are 1 and give NaN. */
static int parse_number(const char *field, bool gaps, float *out)
{
    char *end;
    *out = strtof(field, &end);
    bool none = end == field;
    while (isspace((unsigned char)*end))
        end++;
    if (gaps && *end == '\0' && (none || isnan(*out))) {
        *out = NAN;
        return 1;
    }
    if (none || *end != '\0')
        return 0;
    return isfinite(*out) ? 1 : -1;
}

/* Does a field after the first begin like a number? Those of a header do not. */
static bool has_numbers(const char *line)
{
    for (const char *p = strchr(line, ','); p; p = strchr(p, ',')) {
        p++;
        while (*p == ' ' || *p == '"')
            p++;
        if (strncasecmp(p, "nan", 3) == 0 && !isalpha((unsigned char)p[3]))
            return true;
        if (isdigit((unsigned char)*p) ||
            ((*p == '-' || *p == '.' || *p == '+') && isdigit((unsigned char)p[1])))
            return true;
    }
    return false;
}

/* The picture's name in a row, without quotes and folders, in NFC. NULL: out of memory. */
static char *take_name(char *text)
{
    size_t n = strlen(text);
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        text[--n] = '\0';
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
        text[n - 1] = '\0';
        char *to = ++text;
        for (const char *from = text; *from; from++, to++) {
            *to = *from;
            from += from[0] == '"' && from[1] == '"';
        }
        *to = '\0';
    }
    char clean[SET_NAME_BYTES_MAX], *bare = text;
    for (char *p = text; *p; p++)
        if (*p == '/' || *p == '\\')
            bare = p + 1;
    return pack_clean_text(bare, clean, sizeof clean) ? strdup(clean) : NULL;
}

/* Reads the numbers from the end of the line, last one first, and cuts them off. */
static enum status cut_numbers(char *line, const struct pack_table *t, const struct pack_row *row,
                               struct errmsg *em)
{
    const struct pack_marks_kind *kind = t->kind;
    for (int i = 2 * kind->points; i-- > 0;) {
        char *comma = strrchr(line, ',');
        int good = comma ? parse_number(comma + 1, kind->gaps, &row->numbers[i]) : 0;
        if (comma)
            *comma = '\0';
        if (good == 1)
            continue;
        if (comma && (good < 0 || i == 0 || has_numbers(line)))
            return FAIL(em, ST_DATA, "%s:%zu: \"%.60s\" is not a number; write %s", t->path,
                        row->line, comma + 1, kind->wanted);
        return FAIL(em, ST_DATA, "%s:%zu: %d numbers; write %s", t->path, row->line,
                    2 * kind->points - 1 - i, kind->wanted);
    }
    return ST_OK;
}

static enum status parse_line(char *line, const struct pack_table *t, struct pack_row *row,
                              struct errmsg *em)
{
    float number;
    size_t n = strlen(line);
    if (n > LINE_BYTES_MAX)
        return FAIL(em, ST_DATA, "%s:%zu: a line of %zu bytes; at most %d are allowed; write %s",
                    t->path, row->line, n, LINE_BYTES_MAX, t->kind->wanted);
    row->numbers = malloc((size_t)t->kind->points * 2 * sizeof *row->numbers);
    if (!row->numbers)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", t->path);
    enum status st = cut_numbers(line, t, row, em);
    if (st != ST_OK)
        return st;
    row->name = take_name(line);
    if (!row->name)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", t->path);
    if (row->name[0] == '\0')
        return FAIL(em, ST_DATA, "%s:%zu: the name is missing; write %s", t->path, row->line,
                    t->kind->wanted);
    /* surplus numbers, or part of the name: the pictures' names decide */
    n = strlen(line);
    for (char *comma;
         (comma = memrchr(line, ',', n)) && parse_number(comma + 1, false, &number) != 0;) {
        row->more++;
        *comma = '\0';
        n = (size_t)(comma - line);
    }
    return ST_OK;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Cuts the next line off the text, with any line end; NULL: no more. */
static char *next_line(char **text)
{
    char *line = *text;
    if (!line || *line == '\0')
        return NULL;
    size_t n = strcspn(line, "\r\n");
    char end = line[n];
    *text = line + n + (end != '\0');
    if (end == '\r' && line[n + 1] == '\n')
        ++*text;
    line[n] = '\0';
    return line;
}

static enum status parse(char *text, struct pack_table *t, struct errmsg *em)
{
    size_t lines = 1, number = 0;
    enum status st = ST_OK;
    for (const char *p = text; *p; p++)
        lines += *p == '\n' || *p == '\r';
    t->rows = calloc(lines, sizeof *t->rows);
    if (!t->rows)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", t->path);
    for (char *line; st == ST_OK && (line = next_line(&text)) != NULL;) {
        number++;
        if (line[strspn(line, " \t,")] == '\0' || (number == 1 && !has_numbers(line)))
            continue; /* a header, or an empty line */
        t->rows[t->n].line = number;
        st = parse_line(line, t, &t->rows[t->n++], em);
    }
    return st;
}

enum status pack_table_read(struct pack_table *t, enum pack_marks which, const char *path,
                            struct errmsg *em)
{
    char *memory = NULL, *text;
    *t = (struct pack_table){.path = path, .kind = &pack_marks_kinds[which]};
    enum status st = pack_csv_text(path, &memory, &text, em);
    if (st == ST_OK)
        st = parse(text, t, em);
    free(memory);
    if (st != ST_OK)
        pack_table_release(t);
    return st;
}

void pack_table_release(struct pack_table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->rows[i].name);
        free(t->rows[i].numbers);
    }
    free(t->rows);
}
