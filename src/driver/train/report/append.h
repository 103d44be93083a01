/*
 * A file to which whole records are appended: no record is ever appended to an incomplete one. Used
 * for metrics.jsonl, events.jsonl and TensorBoard's files. One thread at a time.
 */
#ifndef BIFRONS_DRIVER_APPEND_H
#define BIFRONS_DRIVER_APPEND_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "base/status.h"

struct json_t;

struct append_file {
    int fd;
    int64_t end; /* bytes, after the last whole record */
    bool torn;   /* a failed write may have left bytes behind `end` */
    char path[PATH_BYTES_MAX];
};

/* An unopened file; append_close accepts it. */
#define APPEND_FILE_NONE ((struct append_file){.fd = -1})

/* Opens the file for appending, and creates it if it is missing; end = its size. new_only: an
 * existing file is an error, and *exists_out (may be NULL) tells this error from others. ST_IO. */
enum status append_open(struct append_file *f, const char *path, bool new_only, bool *exists_out,
                        struct errmsg *em) MUST_CHECK;
/* Cuts the file; size <= end. ST_IO. */
enum status append_cut(struct append_file *f, int64_t size, struct errmsg *em) MUST_CHECK;
/* Opens or makes a file of lines, and cuts it after the last whole line that ends at or before
 * size_max. ST_IO. */
enum status append_open_lines(struct append_file *f, const char *path, int64_t size_max,
                              struct errmsg *em) MUST_CHECK;
/* Writes one record, whole or not at all. Errors: ST_IO; a later record may succeed. */
enum status append_write(struct append_file *f, const void *bytes, size_t n,
                         struct errmsg *em) MUST_CHECK;
/* Likewise an object as one line of JSON. NULL gives ST_MEMORY. */
enum status append_json(struct append_file *f, const struct json_t *object,
                        struct errmsg *em) MUST_CHECK;
void append_close(struct append_file *f);

#endif
