/*
 * Cuts a table into records and fields (RFC 4180), in place: fields may be quoted and then hold
 * commas, doubled quotes and line ends. Line ends may be those of any system.
 *
 *     struct pack_csv c;
 *     if ((st = pack_csv_open(&c, "faces.csv", &em)) != ST_OK)
 *         return st;
 *     while ((st = pack_csv_next(&c, &em)) == ST_OK && c.n > 0)
 *         puts(c.fields[0]);
 *     pack_csv_release(&c);
 */
#ifndef BIFRONS_DATA_PACK_CSV_H
#define BIFRONS_DATA_PACK_CSV_H

#include <stddef.h>

#include "base/status.h"

enum { PACK_CSV_FIELDS_MAX = 256 };

struct pack_csv {
    const char *path;
    char *fields[PACK_CSV_FIELDS_MAX]; /* of the record, without quotes */
    size_t n;                          /* fields; 0: no more records */
    size_t line;                       /* where the record begins */
    /* private */
    char *text, *next;
    size_t next_line;
};

/* The text of a file, without a byte order mark, within memory that the caller frees. Errors: as of
 * pack_csv_open. */
enum status pack_csv_text(const char *path, char **memory_out, char **text_out,
                          struct errmsg *em) MUST_CHECK;
/* ST_DATA: not UTF-8 text; ST_NOINPUT, ST_IO, ST_MEMORY. Release it after success. */
enum status pack_csv_open(struct pack_csv *c, const char *path, struct errmsg *em) MUST_CHECK;
/* Skips empty lines. ST_DATA names the line: a quote that does not end, text after a closing quote,
 * or too many fields. */
enum status pack_csv_next(struct pack_csv *c, struct errmsg *em) MUST_CHECK;
void pack_csv_release(struct pack_csv *c);

#endif
