#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/file.h"

enum { PIECE_BYTES = 1 << 20 };

uint64_t hash64(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, n, seed);
}

struct hash128 hash128(const void *bytes, size_t n)
{
    XXH128_hash_t h = XXH3_128bits(bytes, n);
    return (struct hash128){.high = h.high64, .low = h.low64};
}

/* Hides XXH3_state_t, so that callers need not include xxHash's header. */
struct hash128_stream {
    XXH3_state_t *state;
};

struct hash128_stream *hash128_stream_new(void)
{
    struct hash128_stream *s = calloc(1, sizeof *s);
    if (s && !(s->state = XXH3_createState())) {
        free(s);
        return NULL;
    }
    if (s)
        XXH3_128bits_reset(s->state);
    return s;
}

void hash128_stream_free(struct hash128_stream *s)
{
    if (s)
        XXH3_freeState(s->state);
    free(s);
}

void hash128_stream_add(struct hash128_stream *s, const void *bytes, size_t n)
{
    XXH3_128bits_update(s->state, bytes, n);
}

struct hash128 hash128_stream_get(const struct hash128_stream *s)
{
    XXH128_hash_t h = XXH3_128bits_digest(s->state);
    return (struct hash128){.high = h.high64, .low = h.low64};
}

enum status hash128_file(const char *path, struct hash128 *out, struct errmsg *em)
{
    enum status st = ST_OK;
    unsigned char *piece = malloc(PIECE_BYTES);
    struct hash128_stream *stream = hash128_stream_new();
    FILE *f = NULL;
    if (!piece || !stream) {
        st = FAIL(em, ST_MEMORY, "out of memory while hashing %s", path);
        goto out;
    }
    st = file_open_stream(path, &f, em);
    if (st != ST_OK)
        goto out;
    for (size_t n; (n = fread(piece, 1, PIECE_BYTES, f)) > 0;)
        hash128_stream_add(stream, piece, n);
    if (ferror(f)) {
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot read %s", path);
        goto out;
    }
    *out = hash128_stream_get(stream);
out:
    if (f)
        fclose(f);
    hash128_stream_free(stream);
    free(piece);
    return st;
}

void hash128_hex(struct hash128 h, char out[static HASH128_HEX_BYTES])
{
    snprintf(out, HASH128_HEX_BYTES, "%016llx%016llx", (unsigned long long)h.high,
             (unsigned long long)h.low);
}
