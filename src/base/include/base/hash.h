/*
 * XXH3 (xxHash by Yann Collet): fast hashes that find damaged and exchanged files. They are not
 * cryptographic: they do not find forged files.
 */
#ifndef BIFRONS_BASE_HASH_H
#define BIFRONS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash_stream.h"
#include "base/status.h"

enum { HASH128_HEX_BYTES = 33 };

struct hash128 {
    uint64_t high, low;
};

/* XXH3-64 of the bytes, with a seed (0 for everything that is stored). */
uint64_t hash64(const void *bytes, size_t n, uint64_t seed);
struct hash128 hash128(const void *bytes, size_t n);
/* XXH3-128 of a whole file, read in pieces. ST_NOINPUT or ST_IO. */
enum status hash128_file(const char *path, struct hash128 *out, struct errmsg *em) MUST_CHECK;
/* The hash of all bytes added to s so far. */
struct hash128 hash128_stream_get(const struct hash128_stream *s);
/* 32 lower-case hex digits, big-endian, as `xxhsum -H128` prints them. */
void hash128_hex(struct hash128 h, char out[static HASH128_HEX_BYTES]);

#endif
