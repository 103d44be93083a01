/*
 * What a file is, by its contents, never by its name.
 *
 *     const struct file_kind *kind;
 *     if (file_kind_read("x.jpg", &kind, &em) == ST_OK && kind->group == FILE_PICTURE)
 *         log_warn("x.jpg is %s: %s", kind->name, file_group_remedy(kind->group, 1));
 *         // "x.jpg is a WebP picture: save it as JPEG or PNG"
 *
 * For messages, and to choose among files. It does not check that a file is whole: its reader does.
 * Kinds are static; two files are of one kind if the names are equal.
 */
#ifndef BIFRONS_DATA_FILE_KIND_H
#define BIFRONS_DATA_FILE_KIND_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { FILE_KIND_BYTES = 4096 }; /* bytes at a file's start that decide its kind */

enum file_group {
    FILE_READABLE, /* JPEG, PNG, BMP: data/picture.h reads them */
    FILE_PICTURE,  /* a picture of another kind */
    FILE_VIDEO,
    FILE_SOUND,
    FILE_SET,        /* HDF5, as sets are */
    FILE_CHECKPOINT, /* a zip archive, as PyTorch's files are */
    FILE_OTHER,      /* any other regular file */
    FILE_FOLDER,
    FILE_RUN,     /* the folder of a run */
    FILE_SPECIAL, /* FIFO, socket, device: never opened */
};

struct file_kind {
    const char *name; /* with its article: "a WebP picture", "text" */
    enum file_group group;
};

/* The kind by the first n bytes; FILE_KIND_BYTES, or the whole file, are enough. */
const struct file_kind *file_kind_of(const uint8_t *start, size_t n);
/* The kind of a path; follows symbolic links. Never waits for a FIFO or device. ST_NOINPUT, with
 * the system's reason. */
enum status file_kind_read(const char *path, const struct file_kind **out,
                           struct errmsg *em) MUST_CHECK;

/* A remedy for n files, as "save it as JPEG or PNG"; "": none. */
const char *file_group_remedy(enum file_group group, size_t n);
/*
 * ST_OK if the file is of that group. Else "x.h5 is no WANTED: it is text": ST_DATA; ST_NOINPUT for
 * what is not a file or cannot be opened. For a run's folder the message names a checkpoint.
 */
enum status file_kind_expect(const char *path, enum file_group group, const char *wanted,
                             struct errmsg *em) MUST_CHECK;
/* The name without its article: "WebP picture". */
const char *file_kind_noun(const struct file_kind *kind);

#endif
