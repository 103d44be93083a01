/*
 * A sidecar is FILE.xxh3: the XXH3-128 of FILE as `xxhsum -H128` prints it. Sets and checkpoints
 * have one. Write the sidecar before the file gets its final name, so that every existing file can
 * be checked.
 *
 *     enum status st = sidecar_write(path, hash, &em);
 *     if (st == ST_OK)
 *         st = file_commit(temporary, path, &em);
 *     // later
 *     if (st == ST_OK && sidecar_exists(path))
 *         st = sidecar_verify(path, "; pack it again", &em);
 *
 * The sidecar lies beside the file, not beside a link to the file: callers follow links first.
 */
#ifndef BIFRONS_BASE_SIDECAR_H
#define BIFRONS_BASE_SIDECAR_H

#include "base/file.h"
#include "base/hash.h"

#define SIDECAR_EXTENSION ".xxh3"
enum { SIDECAR_PATH_BYTES = PATH_BYTES_MAX + 8 };

/* path + ".xxh3". */
void sidecar_path(const char *path, char out[static SIDECAR_PATH_BYTES]);
/* true if the sidecar of path exists. */
bool sidecar_exists(const char *path);
/* Durable on return. ST_IO. */
enum status sidecar_write(const char *path, struct hash128 hash, struct errmsg *em) MUST_CHECK;
/* Reads the hash from the sidecar. ST_NOINPUT: no sidecar. ST_DATA: it holds no hash. ST_IO. */
enum status sidecar_read(const char *path, char hex_out[static HASH128_HEX_BYTES],
                         struct errmsg *em) MUST_CHECK;
/* Compares the file's hash with its sidecar. ST_DATA: they differ; `remedy` ("; pack it again", or
 * "") ends the message. Also the errors of sidecar_read and hash128_file. */
enum status sidecar_verify(const char *path, const char *remedy, struct errmsg *em) MUST_CHECK;

#endif
