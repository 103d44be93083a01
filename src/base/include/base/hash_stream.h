/* XXH3-128 of bytes that come piece by piece. Read the hash with hash128_stream_get (base/hash.h).
 * Also for C++. */
#ifndef BIFRONS_BASE_HASH_STREAM_H
#define BIFRONS_BASE_HASH_STREAM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hash128_stream;
/* NULL: out of memory. */
struct hash128_stream *hash128_stream_new(void);
void hash128_stream_free(struct hash128_stream *s);
void hash128_stream_add(struct hash128_stream *s, const void *bytes, size_t n);

#ifdef __cplusplus
}
#endif
#endif
