/*
 * A file that only grows, by whole records: a reader never finds half of one followed by another.
 * metrics.jsonl and event files are such files. One thread at a time.
 */
#ifndef BIFRONS_DRIVER_APPEND_H
#define BIFRONS_DRIVER_APPEND_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "base/status.h"

struct append_file {
    int fd;
    int64_t end; /* bytes, after the last whole record */
    bool torn;   /* a failed write may have left bytes behind `end` */
    char path[PATH_BYTES_MAX];
};

/* What an unopened one looks like; append_close is fine with it. */
#define APPEND_FILE_NONE ((struct append_file){.fd = -1})

/* Opens or, where new_only or nothing is there, makes the file; end = its size. ST_IO; with
 * new_only *exists_out tells whether a file of that name was the reason. */
enum status append_open(struct append_file *f, const char *path, bool new_only, bool *exists_out,
                        struct errmsg *em) MUST_CHECK;
/* Cuts the file; size <= end. ST_IO. */
enum status append_cut(struct append_file *f, int64_t size, struct errmsg *em) MUST_CHECK;
/* Writes one record, whole or not at all. ST_IO; a later record may succeed. */
enum status append_write(struct append_file *f, const void *bytes, size_t n,
                         struct errmsg *em) MUST_CHECK;
void append_close(struct append_file *f);

#endif
