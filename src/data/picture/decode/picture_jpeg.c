/*
 * Checks a JPEG (ITU-T T.81) before stb_image sees it. stb_image 2.27 does not check
 *
 *   - Huffman tables with more than 256 codes: it writes out of bounds (its issues 1289 and 1291)
 *   - a missing end: it fills the rest with grey
 *   - CMYK without the Adobe mark: it reads YCbCr
 *   - channels named R, G, B and marked as YCbCr: it reads RGB
 *
 * Kinds that it does not read are refused by name.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "picture_priv.h"

#include "base/poison.h"

enum { SOF0 = 0xC0, SOF2 = 0xC2, SOF3 = 0xC3, DHT = 0xC4, JPG = 0xC8, SOF9 = 0xC9 };
enum { SOF10 = 0xCA, SOF11 = 0xCB, DAC = 0xCC, SOF15 = 0xCF, RST0 = 0xD0, RST7 = 0xD7 };
enum { EOI = 0xD9, SOS = 0xDA, APP0 = 0xE0, APP1 = 0xE1, APP14 = 0xEE };
enum { ADOBE_CMYK = 0, ADOBE_YCCK = 2, HUFFMAN_CODES_MAX = 256 };

/* Bytes beyond the end are 0, as in stb_image. */
static unsigned byte_at(const uint8_t *bytes, size_t n, size_t at)
{
    return at < n ? bytes[at] : 0;
}

static unsigned u16_at(const uint8_t *bytes, size_t n, size_t at)
{
    return byte_at(bytes, n, at) << 8 | byte_at(bytes, n, at + 1);
}

/* Checks one segment of tables. Reads it exactly as stb_image does, even beyond its stated end. */
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

struct jpeg_facts {
    struct orientation orientation;
    int adobe_transform; /* -1: no Adobe segment */
    bool has_exif, jfif, named_rgb;
    unsigned frame, bits, width, height, components; /* frame: its marker; 0: none */
    bool scan, end, bad_table; /* what jpeg_walk met; end and bad_table stop it */
};

static void jpeg_note_frame(struct jpeg_facts *f, unsigned marker, const uint8_t *data, size_t n)
{
    f->frame = marker;
    f->bits = data[0];
    f->height = u16_at(data, n, 1);
    f->width = u16_at(data, n, 3);
    f->components = data[5];
    f->named_rgb = f->components == 3 && byte_at(data, n, 6) == 'R' && byte_at(data, n, 9) == 'G' &&
                   byte_at(data, n, 12) == 'B';
}

/* Reads the first EXIF segment only: further ones would continue it. */
static void jpeg_note_exif(struct jpeg_facts *f, const uint8_t *tiff, size_t n)
{
    if (!f->has_exif)
        f->orientation.exif = exif_orientation(tiff, n);
    f->has_exif = true;
}

static void jpeg_note_segment(struct jpeg_facts *f, unsigned marker, const uint8_t *data, size_t n)
{
    bool is_frame =
        marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
    static const char xmp[] = "http://ns.adobe.com/xap/1.0/";
    if (is_frame && n >= 6 && f->frame == 0)
        jpeg_note_frame(f, marker, data, n);
    else if (marker == APP0 && n >= 5 && memcmp(data, "JFIF", 5) == 0)
        f->jfif = true;
    else if (marker == APP14 && n >= 12 && memcmp(data, "Adobe", 6) == 0)
        f->adobe_transform = data[11];
    else if (marker == APP1 && n > 6 && memcmp(data, "Exif\0", 6) == 0)
        jpeg_note_exif(f, data + 6, n - 6);
    else if (marker == APP1 && n > sizeof xmp && memcmp(data, xmp, sizeof xmp) == 0)
        f->orientation.xmp = xmp_orientation(data + sizeof xmp, n - sizeof xmp);
}

/* The end of coded data: the first marker that does not belong to it. */
static size_t coded_end(const uint8_t *bytes, size_t n, size_t at)
{
    const uint8_t *p = bytes + at, *end = bytes + n;
    while ((p = memchr(p, 0xFF, (size_t)(end - p))) != NULL && end - p >= 2) {
        bool own = p[1] == 0 || p[1] == 0xFF || (p[1] >= RST0 && p[1] <= RST7);
        if (!own)
            return (size_t)(p - bytes);
        p += p[1] == 0xFF ? 1 : 2;
    }
    return n;
}

/*
 * Walks the segments to the picture's end as stb_image does, so that it meets every Huffman table
 * that stb_image can meet. Both skip the contents of other segments (profiles, camera notes) and
 * everything after the end (videos).
 */
static struct jpeg_facts jpeg_walk(const uint8_t *bytes, size_t n)
{
    struct jpeg_facts f = {.adobe_transform = -1};
    for (size_t at = 2; at + 2 <= n;) {
        unsigned marker = bytes[at + 1], length = u16_at(bytes, n, at + 2);
        if (bytes[at] != 0xFF || marker == 0xFF) {
            at++; /* fill bytes */
            continue;
        }
        f.end = marker == EOI;
        f.bad_table = marker == DHT && !huffman_tables_fit(bytes, n, at + 2);
        if (f.end || f.bad_table || length < 2 || length > n - at - 2)
            break;
        if (!f.scan && marker != SOS)
            jpeg_note_segment(&f, marker, bytes + at + 4, length - 2);
        at += 2 + length;
        if (marker == SOS) {
            f.scan = true;
            at = coded_end(bytes, n, at);
        }
    }
    return f;
}

/* Refuses kinds that stb_image does not read, or reads wrongly. */
static enum status jpeg_kind_check(const struct jpeg_facts *f, struct errmsg *em)
{
    static const char save[] = "save it as an ordinary JPEG of 8 bits, or as PNG";
    if (f->frame == SOF9 || f->frame == SOF10)
        return FAIL(em, ST_DATA, "JPEG with arithmetic coding: %s", save);
    if (f->frame == SOF3 || f->frame == SOF11)
        return FAIL(em, ST_DATA, "lossless JPEG: %s", save);
    if (f->frame > SOF2)
        return FAIL(em, ST_DATA, "hierarchical JPEG: %s", save);
    if (f->frame == 0)
        return FAIL(em, ST_DATA, "damaged JPEG: no frame header before its picture data");
    if (f->bits != 8)
        return FAIL(em, ST_DATA, "JPEG of %u bits a channel: %s", f->bits, save);
    if (f->components != 1 && f->components != 3 && f->components != 4)
        return FAIL(em, ST_DATA, "JPEG of %u channels: %s", f->components, save);
    if (f->height == 0)
        return FAIL(em, ST_DATA, "JPEG that gives its height after its picture data (DNL): %s",
                    save);
    if (f->components == 4 && f->adobe_transform != ADOBE_CMYK && f->adobe_transform != ADOBE_YCCK)
        return FAIL(em, ST_DATA,
                    "CMYK JPEG that does not say how its inks are stored; convert it "
                    "to RGB");
    if (f->named_rgb && (f->jfif || f->adobe_transform > 0))
        return FAIL(em, ST_DATA,
                    "JPEG whose channels are named R, G, B but marked as YCbCr: convert it to RGB");
    return ST_OK;
}

enum status jpeg_check(const uint8_t *bytes, size_t n, struct picture_facts *out, struct errmsg *em)
{
    struct jpeg_facts f = jpeg_walk(bytes, n);
    if (f.bad_table)
        return FAIL(em, ST_DATA, "damaged JPEG: a Huffman table of more than %d codes",
                    HUFFMAN_CODES_MAX);
    if (!f.scan)
        return FAIL(em, ST_DATA, "damaged or truncated JPEG: no picture data");
    if (!f.end)
        return FAIL(em, ST_DATA, "truncated JPEG: the end is missing");
    enum status st = jpeg_kind_check(&f, em);
    if (st == ST_OK)
        st = picture_side_check(f.width, f.height, em);
    out->orientation = orientation_of(&f.orientation);
    return st == ST_OK ? stb_jpeg_size(bytes, n, &out->width, &out->height, em) : st;
}

enum status jpeg_pixels(const uint8_t *bytes, size_t n, const struct picture_facts *checked,
                        uint8_t **rgba_out, struct errmsg *em)
{
    return stb_pixels("JPEG", bytes, n, checked, rgba_out, em);
}
