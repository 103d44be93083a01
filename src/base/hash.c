#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

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

enum status hash128_file(const char *path, struct hash128 *out, struct errmsg *em)
{
    enum status st = ST_OK;
    unsigned char *piece = malloc(PIECE_BYTES);
    XXH3_state_t *state = XXH3_createState();
    FILE *f = fopen(path, "rb");
    if (!piece || !state) {
        st = FAIL(em, ST_MEMORY, "out of memory while hashing %s", path);
        goto out;
    }
    if (!f) {
        st = FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
        goto out;
    }
    XXH3_128bits_reset(state);
    for (size_t n; (n = fread(piece, 1, PIECE_BYTES, f)) > 0;)
        XXH3_128bits_update(state, piece, n);
    if (ferror(f)) {
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot read %s", path);
        goto out;
    }
    XXH128_hash_t h = XXH3_128bits_digest(state);
    *out = (struct hash128){.high = h.high64, .low = h.low64};
out:
    if (f)
        fclose(f);
    XXH3_freeState(state);
    free(piece);
    return st;
}

void hash128_hex(struct hash128 h, char out[static HASH128_HEX_BYTES])
{
    snprintf(out, HASH128_HEX_BYTES, "%016llx%016llx", (unsigned long long)h.high,
             (unsigned long long)h.low);
}
