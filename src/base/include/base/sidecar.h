/*
 * FILE.xxh3: the XXH3-128 of FILE, beside it, as `xxhsum -H128` prints it. Sets and checkpoints
 * have one. It is written before its file gets its name, so that a file which is there can be
 * checked.
 *
 *     enum status st = sidecar_write(path, hash, &em);
 *     if (st == ST_OK)
 *         st = file_commit(temporary, path, &em);
 *     // later
 *     if (st == ST_OK && sidecar_exists(path))
 *         st = sidecar_verify(path, "; pack it again", &em);
 *
 * It lies beside the file and not beside a link to it: callers follow links.
 */
#ifndef BIFRONS_BASE_SIDECAR_H
#define BIFRONS_BASE_SIDECAR_H

#include "base/file.h"
#include "base/hash.h"

#define SIDECAR_EXTENSION ".xxh3"
enum { SIDECAR_PATH_BYTES = PATH_BYTES_MAX + 8 };

/* FILE.xxh3 of FILE. */
void sidecar_path(const char *path, char out[static SIDECAR_PATH_BYTES]);
/* False where nothing of that name is there. */
bool sidecar_exists(const char *path);
/* Durable on return. ST_IO. */
enum status sidecar_write(const char *path, struct hash128 hash, struct errmsg *em) MUST_CHECK;
/* The hash that it holds. ST_NOINPUT where there is none, ST_DATA where it holds no hash, ST_IO. */
enum status sidecar_read(const char *path, char hex_out[static HASH128_HEX_BYTES],
                         struct errmsg *em) MUST_CHECK;
/* Compares the file with it. Errors of sidecar_read and hash128_file; ST_DATA where they differ,
 * and then `remedy` ("; pack it again", or "") ends the message. */
enum status sidecar_verify(const char *path, const char *remedy, struct errmsg *em) MUST_CHECK;

#endif
