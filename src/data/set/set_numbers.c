/* Checks what a set stores about each face: /pose, /identity, /time, /source; the mean of
 * /identity. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "set_priv.h"

enum { ROWS_AT_ONCE = 256, NUMBERS_MAX = SET_IDENTITY_NUMBERS };

/* Numbers are from -reach to reach, or NaN. */
static const struct {
    enum set_part part;
    int n;
    double reach;
    const char *unit;
} numbers[] = {
    {SET_POSE,     SET_ANGLES,           180,  " degrees"},
    {SET_IDENTITY, SET_IDENTITY_NUMBERS, 1000, ""        },
    {SET_TIME,     1,                    1e9,  " seconds"},
};

static enum status check_part(const struct set_file *f, size_t k, const char *path, double *rows,
                              struct errmsg *em)
{
    enum set_part p = numbers[k].part;
    int64_t each = numbers[k].n;
    for (int64_t first = 0; first < f->n; first += ROWS_AT_ONCE) {
        int64_t n = MIN(f->n - first, ROWS_AT_ONCE);
        if (!set_file_read_rows(f, p, first, n, H5T_NATIVE_DOUBLE, rows))
            return FAIL(em, ST_DATA, "%s: %s cannot be read: the file is damaged; pack it again",
                        path, set_layouts[p].name);
        for (int64_t i = 0; i < n * each; i++)
            if (fabs(rows[i]) > numbers[k].reach)
                return FAIL(em, ST_DATA,
                            "%s: row %" PRId64 " (%s): number %" PRId64 " of %s is %g; it must be "
                            "from %g to %g%s, or NaN if it is not known",
                            path, first + i / each, set_file_name(f, first + i / each), i % each,
                            set_layouts[p].name, rows[i], -numbers[k].reach, numbers[k].reach,
                            numbers[k].unit);
    }
    return ST_OK;
}

static enum status check_sources(const struct set_file *f, const char *path, struct errmsg *em)
{
    char *texts = malloc((size_t)ROWS_AT_ONCE * SET_TEXT_BYTES_MAX);
    enum status st = texts ? ST_OK : FAIL(em, ST_MEMORY, "out of memory opening %s", path);
    for (int64_t first = 0; first < f->n && st == ST_OK; first += ROWS_AT_ONCE)
        if (!set_file_read_texts(f, SET_SOURCE, first, MIN(f->n - first, ROWS_AT_ONCE), texts,
                                 SET_TEXT_BYTES_MAX))
            st = FAIL(em, ST_DATA, "%s: /source cannot be read: the file is damaged; pack it again",
                      path);
    free(texts);
    return st;
}

enum status set_faces_check(const struct set_file *f, const char *path, struct errmsg *em)
{
    double *rows = malloc(sizeof *rows * ROWS_AT_ONCE * NUMBERS_MAX);
    enum status st = rows ? ST_OK : FAIL(em, ST_MEMORY, "out of memory opening %s", path);
    for (size_t k = 0; k < ARRAY_LENGTH(numbers) && st == ST_OK; k++)
        if (f->part[numbers[k].part].dataset >= 0)
            st = check_part(f, k, path, rows, em);
    if (st == ST_OK && f->part[SET_SOURCE].dataset >= 0)
        st = check_sources(f, path, em);
    free(rows);
    return st;
}

enum status set_mean_identity(struct set *s, struct set_identity *out, struct errmsg *em)
{
    double sum[SET_IDENTITY_NUMBERS] = {0};
    float row[SET_IDENTITY_NUMBERS];
    int64_t known = 0, n = set_get_info(s)->has_identity ? set_get_info(s)->n : 0;
    for (int64_t i = 0; i < n; i++) {
        enum status st = set_read_identity(s, i, row, em);
        if (st != ST_OK)
            return st;
        if (isnan(row[0]))
            continue;
        for (int k = 0; k < SET_IDENTITY_NUMBERS; k++)
            sum[k] += (double)row[k];
        known++;
    }
    *out = (struct set_identity){.known = known > 0};
    for (int k = 0; k < SET_IDENTITY_NUMBERS && known > 0; k++)
        out->mean[k] = (float)(sum[k] / (double)known);
    return ST_OK;
}

double set_identity_distance(const struct set_identity *a, const struct set_identity *b)
{
    double squares = 0;
    for (int k = 0; k < SET_IDENTITY_NUMBERS; k++) {
        double d = (double)a->mean[k] - (double)b->mean[k];
        squares += d * d;
    }
    return a->known && b->known ? sqrt(squares) : NAN;
}
