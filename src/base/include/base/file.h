/*
 * Files and paths. Write what must survive a crash with file_write_atomic, or, if you stream, with
 * its steps: write under a temporary name, fsync, rename, fsync the folder. A reader then sees the
 * old file or the new file, never half of one.
 */
#ifndef BIFRONS_BASE_FILE_H
#define BIFRONS_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum { PATH_BYTES_MAX = 4096 };

/* Writes "a/b" to out[out_bytes]; false if it does not fit. An absolute b replaces a. */
bool path_join(char *out, size_t out_bytes, const char *a, const char *b) MUST_CHECK;
/* The part after the last '/'; borrowed from path. */
const char *path_name(const char *path);
/* The extension with its dot ("/x/a.TAR.gz" gives ".gz"), or ""; borrowed from path. */
const char *path_extension(const char *path);
/* The file's name without folder and extension; cut to out_bytes, never within a UTF-8
 * character. */
void path_stem(const char *path, char *out, size_t out_bytes);
/* The folder that holds path ("." for a bare name), cut to fit. */
void path_folder(const char *path, char *out, size_t out_bytes);

bool file_exists(const char *path);
/* true if nothing is at path. Not the opposite of file_exists: a file system that does not answer
 * says neither. */
bool file_is_missing(const char *path);
bool folder_exists(const char *path);
/* False also if no folder can be read there. */
bool folder_has_entries(const char *path);
/* true if both exist and are the same file or folder, also over different paths or links. */
bool file_same(const char *a, const char *b);
/* As mkdir -p. ST_IO. */
enum status folder_make(const char *path, struct errmsg *em) MUST_CHECK;

/*
 * Opens a file for reading; the caller closes *fd_out. Open every file that a user named with this
 * function: it reports the operating system's reason, and opens regular files only, so that a named
 * pipe or a device cannot block us. ST_NOINPUT: "cannot open PATH: Permission denied", "cannot read
 * PATH: it is a FIFO, …". ST_IO: the first byte cannot be read.
 */
enum status file_open(const char *path, int *fd_out, struct errmsg *em) MUST_CHECK;
/* The same for stdio. */
enum status file_open_stream(const char *path, FILE **out, struct errmsg *em) MUST_CHECK;
/* Opens and closes the file. For callers that then give the path to a library. */
enum status file_check_readable(const char *path, struct errmsg *em) MUST_CHECK;
/* ST_OK if path is a file or does not exist. ST_IO if it is a folder, a device or a pipe. */
enum status file_check_replaceable(const char *path, struct errmsg *em) MUST_CHECK;

/* True if the n bytes at `mark` are among the file's first bytes, `within` of them; the last ones,
 * if negative; FILE_MARK_WITHIN at most. */
enum { FILE_MARK_WITHIN = 4096 };
bool file_has_mark(const char *path, int within, const void *mark, size_t n);
/* ST_OK if path does not exist, is empty or has the mark. ST_USAGE: "PATH is there already and is
 * no WHAT: it is not replaced"; as of file_check_replaceable. */
enum status file_check_ours(const char *path, int within, const void *mark, size_t n,
                            const char *what, struct errmsg *em) MUST_CHECK;

/*
 * Reads the whole file and adds a zero byte; the caller frees *bytes_out. ST_NOINPUT: cannot be
 * opened. ST_IO: reading fails. ST_DATA: longer than bytes_max.
 */
enum status file_read_all(const char *path, size_t bytes_max, uint8_t **bytes_out, size_t *n_out,
                          struct errmsg *em) MUST_CHECK;
/* Writes or replaces a regular file. ST_IO: the old file is intact and no temporary file is left.
 */
enum status file_write_atomic(const char *path, const void *bytes, size_t n,
                              struct errmsg *em) MUST_CHECK;
/* Makes the contents of the file durable (fsync). ST_IO. */
enum status file_sync(const char *path, struct errmsg *em) MUST_CHECK;
/* The last steps for a finished temporary file: fsync, rename to path, fsync the folder. ST_IO. */
enum status file_commit(const char *temporary, const char *path, struct errmsg *em) MUST_CHECK;
/* Makes `path` a symlink to target (relative), atomically. ST_IO. */
enum status symlink_replace(const char *target, const char *path, struct errmsg *em) MUST_CHECK;

#endif
