/*
 * Finds pictures with a colour profile (ICC.1), since profiles are not applied. A profile is sRGB's
 * if its primaries are, since sRGB has many names. A grey profile does not count.
 */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/checked.h"
#include "picture_priv.h"

#include "base/poison.h"

enum { HEADER_BYTES = 128, TAGS_MAX = 100, TAG_BYTES = 12 };
enum { SPACE_AT = 16, SOS = 0xDA, APP2 = 0xE2, FIXED_ONE = 65536, NEAR = FIXED_ONE / 50 };

/* Big-endian; bytes beyond the end are 0. */
static uint32_t get(const struct profile *p, size_t at, unsigned n_bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < n_bytes; i++)
        value = value << 8 | (at + i < p->n ? p->bytes[at + i] : 0);
    return value;
}

/* Start of a tag's data; 0: no such tag. */
static size_t tag_at(const struct profile *p, const char tag[static 4])
{
    uint32_t n = get(p, HEADER_BYTES, 4);
    for (size_t i = 0; i < MIN(n, TAGS_MAX); i++) {
        size_t at = HEADER_BYTES + 4 + i * TAG_BYTES;
        if (at + TAG_BYTES <= p->n && memcmp(p->bytes + at, tag, 4) == 0)
            return get(p, at + 4, 4);
    }
    return 0;
}

/* Compares with the primaries of sRGB, adapted to D50 (IEC 61966-2-1), as X, Y, Z. */
static bool primaries_are_srgb(const struct profile *p)
{
    static const struct {
        char tag[5];
        int32_t xyz[3];
    } of_srgb[] = {
        {"rXYZ", {28578, 14581, 912} },
        {"gXYZ", {25241, 46981, 6362}},
        {"bXYZ", {9376, 3970, 46799} },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(of_srgb); i++) {
        size_t at = tag_at(p, of_srgb[i].tag);
        for (size_t c = 0; c < 3; c++) {
            int64_t off = (int64_t)(int32_t)get(p, at + 8 + 4 * c, 4) - of_srgb[i].xyz[c];
            if (at == 0 || off > NEAR || off < -NEAR)
                return false;
        }
    }
    return true;
}

/* The profile's description: ASCII, or the first language in UTF-16. */
static void name_of(const struct profile *p, char name[static PICTURE_PROFILE_BYTES])
{
    size_t at = tag_at(p, "desc"), step = 1, n, kept = 0;
    if (at > 0 && at + 4 <= p->n && memcmp(p->bytes + at, "mluc", 4) == 0) {
        step = 2;
        n = get(p, at + 20, 4) / 2;
        at += get(p, at + 24, 4) + 1; /* the low byte of each character */
    } else {
        n = get(p, at + 8, 4);
        at += 12;
    }
    for (size_t i = 0; i < n && kept + 1 < PICTURE_PROFILE_BYTES; i++) {
        uint32_t c = get(p, at + step * i, 1);
        if (c == 0)
            break;
        name[kept++] = c >= ' ' && c <= '~' ? (char)c : '?';
    }
    name[kept] = '\0';
    if (kept == 0)
        snprintf(name, PICTURE_PROFILE_BYTES, "without a name");
}

/* The profile's first segment, which has the table of tags. */
struct profile jpeg_profile(const uint8_t *bytes, size_t n, uint8_t room[static ICC_BYTES_MAX])
{
    (void)room; /* a JPEG's profile is not packed */
    static const char mark[] = "ICC_PROFILE";
    struct profile all = {bytes, n};
    for (size_t at = 2; at + 4 <= n;) {
        unsigned marker = bytes[at + 1], length = get(&all, at + 2, 2);
        if (bytes[at] != 0xFF || marker == 0xFF) {
            at++;
            continue;
        }
        if (marker == SOS || length < 2 || length > n - at - 2)
            break;
        size_t start = at + 4 + sizeof mark + 2; /* after the segment's number and their count */
        at += 2 + length;
        if (marker == APP2 && start < at &&
            memcmp(bytes + start - sizeof mark - 2, mark, sizeof mark) == 0 &&
            bytes[start - 2] == 1)
            return (struct profile){bytes + start, at - start};
    }
    return (struct profile){0};
}

struct profile png_profile(const uint8_t *bytes, size_t n, uint8_t room[static ICC_BYTES_MAX])
{
    struct profile all = {bytes, n};
    for (size_t at = PNG_SIGNATURE_BYTES; n - at >= 12;) {
        size_t length = get(&all, at, 4);
        const uint8_t *data = bytes + at + 8;
        if (length > n - at - 12)
            break;
        const uint8_t *end = memcmp(data - 4, "iCCP", 4) == 0 ? memchr(data, 0, length) : NULL;
        if (end &&
            (size_t)(end - data) + 2 <= length) /* the chunk: name, 0, method, packed profile */
            return (struct profile){room, zlib_start(end + 2, length - (size_t)(end - data) - 2,
                                                     room, ICC_BYTES_MAX)};
        at += 12 + length;
    }
    return (struct profile){0};
}

bool picture_profile(const uint8_t *bytes, size_t n, char name[static PICTURE_PROFILE_BYTES])
{
    uint8_t room[ICC_BYTES_MAX];
    const struct picture_format *format = picture_format_of(bytes, n);
    if (!format || !format->profile)
        return false;
    struct profile p = format->profile(bytes, n, room);
    if (p.n < HEADER_BYTES || memcmp(p.bytes + SPACE_AT, "GRAY", 4) == 0 || primaries_are_srgb(&p))
        return false;
    name_of(&p, name);
    return true;
}
