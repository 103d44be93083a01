/*
 * Files and paths. Everything that must survive a crash goes through file_write_atomic (or, for
 * writers that stream, through the three steps it is made of): temporary name, fsync, rename,
 * fsync of the folder. A reader sees the old file or the new one, never half of one.
 */
#ifndef BIFRONS_BASE_FILE_H
#define BIFRONS_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum { PATH_BYTES_MAX = 4096 };

/* "a/b" into out[out_bytes]; false where it does not fit. An absolute b replaces a. */
bool path_join(char *out, size_t out_bytes, const char *a, const char *b) MUST_CHECK;
/* The part after the last '/'; borrowed from path. */
const char *path_name(const char *path);
/* The extension with its dot ("/x/a.TAR.gz" gives ".gz"), or "" ; borrowed from path. */
const char *path_extension(const char *path);
/* The name without its extension, cut to fit. */
void path_stem(const char *path, char *out, size_t out_bytes);
/* The folder that holds path ("." for a bare name), cut to fit. */
void path_folder(const char *path, char *out, size_t out_bytes);

bool file_exists(const char *path);
bool folder_exists(const char *path);
/* Are both there, and one file or folder, by whatever path or link? */
bool file_same(const char *a, const char *b);
/* mkdir -p; ST_IO. */
enum status folder_make(const char *path, struct errmsg *em) MUST_CHECK;

/*
 * Opens a file for reading; *fd_out is the caller's to close. Everything that reads a file that a
 * user named opens it here: the operating system's reason comes before any verdict on what is in
 * it, and nothing but a file is opened, so that a named pipe or a device cannot make us wait.
 * ST_NOINPUT: "cannot open PATH: Permission denied", "cannot read PATH: it is a FIFO, …"; ST_IO
 * where its first byte cannot be read.
 */
enum status file_open(const char *path, int *fd_out, struct errmsg *em) MUST_CHECK;
/* The same for stdio. */
enum status file_open_stream(const char *path, FILE **out, struct errmsg *em) MUST_CHECK;
/* Can it be opened so? For those who leave the reading to a library. */
enum status file_check_readable(const char *path, struct errmsg *em) MUST_CHECK;
/* Can a file take path's place: is there one, or nothing? ST_IO for a folder, a device, a pipe. */
enum status file_check_replaceable(const char *path, struct errmsg *em) MUST_CHECK;

/*
 * The whole file; *bytes_out is the caller's to free and has a zero byte after its end.
 * ST_NOINPUT where it cannot be opened, ST_IO where reading fails, ST_DATA where it is longer than
 * bytes_max.
 */
enum status file_read_all(const char *path, size_t bytes_max, uint8_t **bytes_out, size_t *n_out,
                          struct errmsg *em) MUST_CHECK;
/* ST_IO; on failure the old file is whole and no temporary one is left. Replaces nothing but files.
 */
enum status file_write_atomic(const char *path, const void *bytes, size_t n,
                              struct errmsg *em) MUST_CHECK;
/* Makes what is in the file durable. ST_IO. */
enum status file_sync(const char *path, struct errmsg *em) MUST_CHECK;
/* Step 2 and 3 for a finished temporary file: fsync, rename over path, fsync the folder. ST_IO. */
enum status file_commit(const char *temporary, const char *path, struct errmsg *em) MUST_CHECK;
/* Points the symlink `path` at target (relative), atomically. ST_IO. */
enum status symlink_replace(const char *target, const char *path, struct errmsg *em) MUST_CHECK;

#endif
