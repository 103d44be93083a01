/*
 * What is checked before stb_image sees a file, because it does not check it:
 *
 *   JPEG  Huffman tables with more than 256 codes (an out-of-bounds write in stb_image 2.27; its
 *         issues 1289 and 1291), a missing end (it would fill the rest with grey), CMYK without the
 *         Adobe mark (it would take it for YCbCr)
 *   PNG   the checksum of every chunk
 *   BMP   pixels that lie beyond the end of the file
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/checked.h"
#include "picture_priv.h"

#include "base/poison.h"

/* Before anything else looks at a size. */
static enum status check_side(uint64_t width, uint64_t height, struct errmsg *em)
{
    if (width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX)
        return FAIL(em, ST_DATA, "%llu x %llu pixels: more than %d on a side",
                    (unsigned long long)width, (unsigned long long)height, PICTURE_SIDE_MAX);
    return ST_OK;
}

static const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

enum picture_kind picture_kind_of(const uint8_t *bytes, size_t n)
{
    if (n >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF)
        return KIND_JPEG;
    if (n >= sizeof png_signature && memcmp(bytes, png_signature, sizeof png_signature) == 0)
        return KIND_PNG;
    if (n >= 2 && bytes[0] == 'B' && bytes[1] == 'M')
        return KIND_BMP;
    return KIND_UNKNOWN;
}

/* --- JPEG (ITU-T T.81) ---------------------------------------------------------------------- */

enum { SOF0 = 0xC0, DHT = 0xC4, JPG = 0xC8, DAC = 0xCC, SOF15 = 0xCF };
enum { SOI = 0xD8, EOI = 0xD9, SOS = 0xDA, APP1 = 0xE1, APP14 = 0xEE };
enum { ADOBE_CMYK = 0, ADOBE_YCCK = 2, HUFFMAN_CODES_MAX = 256 };

/* Bytes past the end read as zero, as they do in stb_image. */
static unsigned byte_at(const uint8_t *bytes, size_t n, size_t at)
{
    return at < n ? bytes[at] : 0;
}

static unsigned u16_at(const uint8_t *bytes, size_t n, size_t at)
{
    return byte_at(bytes, n, at) << 8 | byte_at(bytes, n, at + 1);
}

/* Follows one table segment exactly as stb_image does, beyond its stated end too. */
static bool huffman_tables_fit(const uint8_t *bytes, size_t n, size_t segment)
{
    long left = (long)u16_at(bytes, n, segment) - 2;
    for (size_t at = segment + 2; left > 0;) {
        unsigned codes = 0;
        for (size_t i = 1; i <= 16; i++)
            codes += byte_at(bytes, n, at + i);
        if (codes > HUFFMAN_CODES_MAX)
            return false;
        at += 17 + codes;
        left -= 17 + (long)codes;
    }
    return true;
}

/* Every place that could start a table, whatever it lies in: stb_image may get to any of them. */
static bool all_huffman_tables_fit(const uint8_t *bytes, size_t n)
{
    const uint8_t *p = bytes, *end = bytes + n;
    while ((p = memchr(p, 0xFF, (size_t)(end - p))) != NULL) {
        p++;
        if (p < end && *p == DHT && !huffman_tables_fit(bytes, n, (size_t)(p - bytes) + 1))
            return false;
    }
    return true;
}

struct jpeg_facts {
    int orientation, adobe_transform; /* -1: no Adobe segment */
    unsigned width, height, components;
    size_t scan; /* where the first scan starts; 0: none */
};

static void jpeg_note_segment(struct jpeg_facts *f, unsigned marker, const uint8_t *data, size_t n)
{
    bool is_frame =
        marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
    if (is_frame && n >= 6) {
        f->height = u16_at(data, n, 1);
        f->width = u16_at(data, n, 3);
        f->components = data[5];
    } else if (marker == APP14 && n >= 12 && memcmp(data, "Adobe", 5) == 0)
        f->adobe_transform = data[11];
    else if (marker == APP1 && n > 6 && memcmp(data, "Exif\0", 6) == 0)
        f->orientation = exif_orientation(data + 6, n - 6);
}

/* Walks the segments before the first scan. */
static struct jpeg_facts jpeg_walk(const uint8_t *bytes, size_t n)
{
    struct jpeg_facts f = {.orientation = 1, .adobe_transform = -1};
    for (size_t at = 2; at + 4 <= n;) {
        if (bytes[at] != 0xFF || bytes[at + 1] == 0xFF) {
            at++; /* fill bytes */
            continue;
        }
        unsigned marker = bytes[at + 1], length = u16_at(bytes, n, at + 2);
        if (marker == SOS) {
            f.scan = at;
            break;
        }
        if (length < 2 || length > n - at - 2)
            break;
        jpeg_note_segment(&f, marker, bytes + at + 4, length - 2);
        at += 2 + length;
    }
    return f;
}

static bool jpeg_has_end(const uint8_t *bytes, size_t n, size_t from)
{
    const uint8_t *p = bytes + from, *end = bytes + n;
    while ((p = memchr(p, 0xFF, (size_t)(end - p))) != NULL) {
        p++;
        if (p < end && *p == EOI)
            return true;
    }
    return false;
}

enum status jpeg_check(const uint8_t *bytes, size_t n, int *orientation_out, struct errmsg *em)
{
    if (!all_huffman_tables_fit(bytes, n))
        return FAIL(em, ST_DATA, "damaged JPEG: a Huffman table of more than %d codes",
                    HUFFMAN_CODES_MAX);
    struct jpeg_facts f = jpeg_walk(bytes, n);
    if (f.scan == 0)
        return FAIL(em, ST_DATA, "damaged or truncated JPEG: no picture data");
    if (!jpeg_has_end(bytes, n, f.scan))
        return FAIL(em, ST_DATA, "truncated JPEG: the end is missing");
    if (f.components == 4 && f.adobe_transform != ADOBE_CMYK && f.adobe_transform != ADOBE_YCCK)
        return FAIL(em, ST_DATA,
                    "CMYK JPEG that does not say how its inks are stored; convert it "
                    "to RGB");
    *orientation_out = f.orientation;
    return check_side(f.width, f.height, em);
}

/* --- PNG ------------------------------------------------------------------------------------ */

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

enum status png_check(const uint8_t *bytes, size_t n, int *orientation_out, struct errmsg *em)
{
    *orientation_out = 1;
    for (size_t at = sizeof png_signature; n - at >= 12;) {
        const uint8_t *chunk = bytes + at;
        size_t length = u32_at(chunk);
        if (length > n - at - 12)
            break;
        if (crc32(0, chunk + 4, (uInt)(length + 4)) != u32_at(chunk + 8 + length))
            return FAIL(em, ST_DATA, "damaged PNG: wrong checksum at byte %zu", at);
        if (memcmp(chunk + 4, "IHDR", 4) == 0 && length >= 8 &&
            check_side(u32_at(chunk + 8), u32_at(chunk + 12), em) != ST_OK)
            return ST_DATA;
        if (memcmp(chunk + 4, "eXIf", 4) == 0)
            *orientation_out = exif_orientation(chunk + 8, length);
        if (memcmp(chunk + 4, "IEND", 4) == 0)
            return ST_OK;
        at += 12 + length;
    }
    return FAIL(em, ST_DATA, "truncated PNG: the end is missing");
}

/* --- BMP ------------------------------------------------------------------------------------ */

static uint32_t little_u32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

enum status bmp_check(const uint8_t *bytes, size_t n, struct errmsg *em)
{
    if (n < 30)
        return FAIL(em, ST_DATA, "truncated BMP");
    bool os2 = little_u32(bytes + 14) == 12;
    uint64_t offset = little_u32(bytes + 10);
    uint64_t width = os2 ? little_u32(bytes + 18) & 0xFFFF : little_u32(bytes + 18);
    uint64_t height = os2 ? little_u32(bytes + 18) >> 16
                          : (uint64_t)llabs((long long)(int32_t)little_u32(bytes + 22));
    uint64_t bits = os2 ? little_u32(bytes + 22) >> 16 : little_u32(bytes + 26) >> 16;
    if (check_side(width, height, em) != ST_OK)
        return ST_DATA;
    uint64_t row = (width * bits + 31) / 32 * 4;
    if (offset + row * height > n)
        return FAIL(em, ST_DATA, "truncated or compressed BMP: %llu bytes of pixels announced",
                    (unsigned long long)(row * height));
    return ST_OK;
}
