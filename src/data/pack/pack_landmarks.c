/*
 * landmarks.csv: a name and ten numbers a line. The name may hold commas or stand in quotes; a
 * first line without numbers is a header. Lines end as on any system.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "pack_priv.h"

#include "base/poison.h"

enum { NUMBERS = 2 * SET_LANDMARKS, CSV_BYTES_MAX = 1 << 30, LINE_BYTES_MAX = 64 * 1024 };
#define WANTED "a name and 10 numbers, with commas (x and y of both eyes, nose, both mouth ends)"

struct csv_row {
    char *name; /* in NFC, without its folder */
    float numbers[NUMBERS];
    size_t line;
    int more; /* numbers between the name and these */
};

struct table {
    const char *path;
    struct csv_row *rows;
    size_t n;
};

/* --- one line --------------------------------------------------------------------------------- */

/* A whole field as a number, blanks around it allowed; 0 none, 1 finite, -1 inf or nan. */
static int parse_number(const char *field, float *out)
{
    char *end;
    *out = strtof(field, &end);
    while (isspace((unsigned char)*end))
        end++;
    if (end == field || *end != '\0')
        return 0;
    return isfinite(*out) ? 1 : -1;
}

/* Does any field after the first begin as a number does? A header's do not. */
static bool has_numbers(const char *line)
{
    for (const char *p = strchr(line, ','); p; p = strchr(p, ',')) {
        p++;
        while (*p == ' ' || *p == '"')
            p++;
        if (isdigit((unsigned char)*p) ||
            ((*p == '-' || *p == '.' || *p == '+') && isdigit((unsigned char)p[1])))
            return true;
    }
    return false;
}

/* What a row calls its picture: without quotes and folders, in NFC. NULL: out of memory. */
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

/* The ten numbers at the end of the line, last one first, which are cut off. */
static enum status cut_numbers(char *line, const char *path, struct csv_row *row, struct errmsg *em)
{
    for (int i = NUMBERS; i-- > 0;) {
        char *comma = strrchr(line, ',');
        int good = comma ? parse_number(comma + 1, &row->numbers[i]) : 0;
        if (comma)
            *comma = '\0';
        if (good == 1)
            continue;
        if (comma && (good < 0 || i == 0 || has_numbers(line)))
            return FAIL(em, ST_DATA, "%s:%zu: \"%.60s\" is no number; " WANTED " are wanted", path,
                        row->line, comma + 1);
        return FAIL(em, ST_DATA, "%s:%zu: %d numbers; " WANTED " are wanted", path, row->line,
                    NUMBERS - 1 - i);
    }
    return ST_OK;
}

static enum status parse_line(char *line, const char *path, struct csv_row *row, struct errmsg *em)
{
    float number;
    size_t n = strlen(line);
    if (n > LINE_BYTES_MAX)
        return FAIL(em, ST_DATA,
                    "%s:%zu: a line of %zu bytes, and at most %d are allowed; " WANTED
                    " are wanted",
                    path, row->line, n, LINE_BYTES_MAX);
    enum status st = cut_numbers(line, path, row, em);
    if (st != ST_OK)
        return st;
    row->name = take_name(line);
    if (!row->name)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    if (row->name[0] == '\0')
        return FAIL(em, ST_DATA, "%s:%zu: the name is missing; " WANTED " are wanted", path,
                    row->line);
    /* more numbers, or a name that looks so: which, the pictures' names tell */
    n = strlen(line);
    for (char *comma; (comma = memrchr(line, ',', n)) && parse_number(comma + 1, &number) != 0;) {
        row->more++;
        *comma = '\0';
        n = (size_t)(comma - line);
    }
    return ST_OK;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Cuts a line off the text, whatever ends it; NULL after the last one. */
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

static enum status parse(char *text, struct table *t, struct errmsg *em)
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
            continue; /* a header, or nothing */
        t->rows[t->n].line = number;
        st = parse_line(line, t->path, &t->rows[t->n++], em);
    }
    return st;
}

static enum status read_table(const char *path, uint8_t **bytes, struct table *t, struct errmsg *em)
{
    size_t n;
    enum status st = file_read_all(path, CSV_BYTES_MAX, bytes, &n, em);
    if (st != ST_OK)
        return st;
    char *text = (char *)*bytes;
    if (memchr(text, '\0', n))
        return FAIL(em, ST_DATA, "%s is not UTF-8 text: save it as CSV in UTF-8", path);
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3; /* a byte order mark, as spreadsheets write it */
    return parse(text, t, em);
}

/* --- rows and pictures ------------------------------------------------------------------------ */

/* Numbers between 0 and 1 everywhere are no places of pixels, but shares of width and height. */
static bool are_shares(const struct table *t)
{
    bool between = false;
    for (size_t i = 0; i < t->n; i++)
        for (int k = 0; k < NUMBERS; k++) {
            float x = t->rows[i].numbers[k];
            if (x < 0 || x > 1)
                return false;
            between = between || (x > 0 && x < 1);
        }
    return between;
}

static bool is_one_point(const struct csv_row *r)
{
    for (int k = 2; k < NUMBERS; k++)
        if (r->numbers[k] != r->numbers[k - 2])
            return false;
    return true;
}

static void add_row(struct name_list *l, const struct csv_row *r)
{
    char text[SET_NAME_BYTES_MAX + 32];
    snprintf(text, sizeof text, "%s (line %zu)", r->name, r->line);
    name_list_add(l, text);
}

static enum status note(const struct pack_source *s, const struct table *t,
                        const struct pack_claim *claims, struct errmsg *em)
{
    struct name_list strange = {0}, second = {0}, shared = {0}, points = {0};
    for (size_t i = 0; i < t->n; i++) {
        const struct csv_row *r = &t->rows[i];
        if (!claims[i].fits && r->more > 0)
            return FAIL(em, ST_DATA, "%s:%zu: %d numbers; " WANTED " are wanted", t->path, r->line,
                        NUMBERS + r->more);
        if (!claims[i].fits)
            add_row(&strange, r);
        else if (claims[i].n_taken == 0)
            add_row(&second, r);
        else if (claims[i].n_taken > 1)
            add_row(&shared, r);
        if (is_one_point(r))
            add_row(&points, r);
    }
    enum status st = ST_OK;
    if (strange.n > 0)
        st = pack_note_add(s->report, false, t->path, em,
                           "%zu of %zu rows belong%s to no picture: %s", strange.n, t->n,
                           strange.n == 1 ? "s" : "", name_list_text(&strange));
    if (st == ST_OK && second.n > 0)
        st =
            pack_note_add(s->report, false, t->path, em,
                          "%zu %s not used, since an earlier or more exact row names the same "
                          "picture: %s",
                          second.n, second.n == 1 ? "row is" : "rows are", name_list_text(&second));
    if (st == ST_OK && shared.n > 0)
        st =
            pack_note_add(s->report, false, t->path, em,
                          "%zu serve%s several pictures, whose names differ in the extension or in "
                          "case only: %s",
                          shared.n, shared.n == 1 ? " row" : "", name_list_text(&shared));
    if (st == ST_OK && points.n > 0)
        st = pack_note_add(s->report, false, t->path, em,
                           "%zu %s not used, since all its points are one: %s", points.n,
                           points.n == 1 ? "row is" : "rows are", name_list_text(&points));
    return st;
}

static enum status give(struct pack_source *s, size_t first, const struct table *t,
                        const size_t *owner, struct errmsg *em)
{
    bool shares = are_shares(t);
    for (size_t i = first; i < s->n; i++) {
        struct pack_item *item = &s->items[i];
        const struct csv_row *row = owner[i - first] ? &t->rows[owner[i - first] - 1] : NULL;
        item->has_landmarks = row && !is_one_point(row);
        item->landmarks_are_shares = shares;
        item->landmarks_line = row ? row->line : 0;
        if (item->has_landmarks)
            memcpy(item->landmarks, row->numbers, sizeof item->landmarks);
    }
    return shares
               ? pack_note_add(s->report, false, t->path, em,
                               "all numbers are from 0 to 1: read as shares of the pictures' width "
                               "and height, not as pixels")
               : ST_OK;
}

enum status pack_landmarks_read(struct pack_source *s, size_t first, const char *path,
                                struct errmsg *em)
{
    struct table t = {.path = path};
    uint8_t *bytes = NULL;
    enum status st = read_table(path, &bytes, &t, em);
    size_t *owner = calloc(MAX(s->n - first, 1), sizeof *owner);
    struct pack_claim *claims = calloc(MAX(t.n, 1), sizeof *claims);
    if (st == ST_OK && (!owner || !claims))
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    for (size_t i = 0; i < t.n && st == ST_OK; i++)
        claims[i].name = t.rows[i].name;
    for (int stem = 0; stem < 2 && st == ST_OK; stem++) /* by file name, or by stem */
        st = pack_match(s, first, stem != 0, claims, t.n, owner, em);
    if (st == ST_OK)
        st = note(s, &t, claims, em);
    if (st == ST_OK)
        st = give(s, first, &t, owner, em);
    for (size_t i = 0; i < t.n; i++)
        free(t.rows[i].name);
    free(claims);
    free(owner);
    free(t.rows);
    free(bytes);
    return st;
}
