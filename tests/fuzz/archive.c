/* Checksums of changed zip archives and PNGs. */
#include <string.h>
#include <zlib.h>

#include "base/checked.h"
#include "fuzz.h"

enum { END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30, RECORDS_MAX = 64 };

static size_t little(const uint8_t *p, int n)
{
    size_t x = 0;
    while (n-- > 0)
        x = x << 8 | p[n];
    return x;
}

static void put_little(uint8_t *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

/* The archive's directory begins at the place that the bytes at its end name. */
void fuzz_repair_zip(uint8_t *data, size_t n)
{
    if (n < END_BYTES || memcmp(data + n - END_BYTES, "PK\5\6", 4) != 0)
        return;
    size_t at = little(data + n - 6, 4);
    for (int i = 0; i < RECORDS_MAX && at < n && n - at >= ENTRY_BYTES; i++) {
        uint8_t *entry = data + at;
        size_t bytes = little(entry + 20, 4), local = little(entry + 42, 4);
        if (memcmp(entry, "PK\1\2", 4) != 0 || local > n || n - local < LOCAL_BYTES)
            return;
        size_t from =
            local + LOCAL_BYTES + little(data + local + 26, 2) + little(data + local + 28, 2);
        if (from <= n && bytes <= n - from) {
            uint32_t crc = (uint32_t)crc32(0, data + from, (uInt)bytes);
            put_little(entry + 16, crc);
            put_little(data + local + 14, crc);
        }
        at += ENTRY_BYTES + little(entry + 28, 2) + little(entry + 30, 2) + little(entry + 32, 2);
    }
}

void fuzz_repair_png(uint8_t *data, size_t n)
{
    enum { SIGNATURE = 8, FRAME = 12 };
    if (n < SIGNATURE || memcmp(data, "\x89PNG\r\n\x1a\n", SIGNATURE) != 0)
        return;
    for (size_t at = SIGNATURE; n - at >= FRAME;) {
        uint8_t *p = data + at;
        size_t bytes = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (bytes > n - at - FRAME)
            return;
        uint32_t crc = (uint32_t)crc32(0, p + 4, (uInt)bytes + 4);
        for (int i = 0; i < 4; i++)
            p[8 + bytes + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += FRAME + bytes;
    }
}
