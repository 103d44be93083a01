/*
 * Reads Windows and OS/2 bitmaps. stb_image is not used: it refuses run lengths, and takes the
 * reserved byte of 32-bit pixels for alpha. Files are untrusted: every read is checked against the
 * file's length.
 *
 * Headers: OS/2 1 (12 bytes), OS/2 2 (16, 64), Windows (40, 52, 56, 108, 124). Rows from the bottom
 * or from the top. 1, 2, 4, 8 bits with a palette; 4 and 8 also as runs; 16, 24, 32 bits by masks.
 * As in Pillow, alpha exists only in 32-bit pixels with an alpha mask. Refused: bitmaps that
 * contain a JPEG, PNG or fax code.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "picture_priv.h"

#include "base/poison.h"

enum { FILE_HEADER = 14, OS2_1 = 12, OS2_2_SHORT = 16, WINDOWS_3 = 40, WINDOWS_V2 = 52 };
enum { WINDOWS_V3 = 56, OS2_2 = 64, WINDOWS_V4 = 108, WINDOWS_V5 = 124 };
enum { RAW = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, ALPHA_BITFIELDS = 6 };
enum { RED, GREEN, BLUE, ALPHA, MASKS };
enum { PALETTE_MAX = 256 };

struct bmp {
    const uint8_t *bytes;
    size_t n;
    unsigned header, bits, compression;
    uint64_t width, height;
    bool top_down;
    uint32_t masks[MASKS]; /* for pixels of 16 bits or more; 0: no such channel */
    uint8_t palette[PALETTE_MAX][3];
    uint64_t pixels_at;
};

/* Bytes beyond the end are 0. */
static uint32_t get(const struct bmp *b, size_t at, unsigned n_bytes)
{
    uint32_t value = 0;
    for (unsigned i = n_bytes; i-- > 0;)
        value = value << 8 | (at + i < b->n ? b->bytes[at + i] : 0);
    return value;
}

/* --- header --------------------------------------------------------------------------------- */

static bool header_known(unsigned header)
{
    static const unsigned known[] = {OS2_1,      OS2_2_SHORT, WINDOWS_3,  WINDOWS_V2,
                                     WINDOWS_V3, OS2_2,       WINDOWS_V4, WINDOWS_V5};
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (header == known[i])
            return true;
    return false;
}

static bool bits_known(unsigned bits)
{
    return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16 || bits == 24 ||
           bits == 32;
}

static enum status compression_check(const struct bmp *b, struct errmsg *em)
{
    bool os2 = b->header == OS2_2, masks = b->bits >= 16 && !os2;
    if (b->compression == RAW || (b->compression == RLE8 && b->bits == 8) ||
        (b->compression == RLE4 && b->bits == 4) || (b->compression == BITFIELDS && masks) ||
        (b->compression == ALPHA_BITFIELDS && masks))
        return ST_OK;
    static const char *const windows[] = {"none", "RLE8", "RLE4", "bit fields", "JPEG", "PNG"};
    static const char *const ibm[] = {"none", "RLE8", "RLE4", "Huffman", "RLE24"};
    size_t n = os2 ? ARRAY_LENGTH(ibm) : ARRAY_LENGTH(windows);
    const char *name = b->compression >= n ? "unknown" : (os2 ? ibm : windows)[b->compression];
    return FAIL(em, ST_DATA,
                "BMP of %u bit%s a pixel with compression %u (%s), which cannot be read here: "
                "save it as PNG",
                b->bits, PLURAL(b->bits), b->compression, name);
}

/* Sets the colour and alpha masks: the file's, or the defaults for its bits a pixel. */
static enum status masks_read(struct bmp *b, struct errmsg *em)
{
    static const uint32_t of_16[MASKS] = {0x7C00, 0x3E0, 0x1F, 0};
    static const uint32_t of_more[MASKS] = {0xFF0000, 0xFF00, 0xFF, 0};
    bool given = b->compression == BITFIELDS || b->compression == ALPHA_BITFIELDS;
    bool alpha = b->header >= WINDOWS_V3 || b->compression == ALPHA_BITFIELDS;
    if (!given) {
        memcpy(b->masks, b->bits == 16 ? of_16 : of_more, sizeof b->masks);
        return ST_OK;
    }
    for (size_t i = 0; i < (alpha ? MASKS : ALPHA); i++)
        b->masks[i] = get(b, FILE_HEADER + WINDOWS_3 + 4 * i, 4);
    if (!(b->masks[RED] | b->masks[GREEN] | b->masks[BLUE] | b->masks[ALPHA]) && b->bits == 32) {
        memcpy(b->masks, of_more, sizeof b->masks); /* as Pillow does */
        b->masks[ALPHA] = 0xFF000000;
    }
    for (size_t i = 0; i < MASKS; i++) {
        uint32_t mask = b->masks[i] &= i == ALPHA && b->bits != 32 ? 0 : UINT32_MAX;
        uint32_t run = mask ? mask >> __builtin_ctz(mask) : 0;
        bool fits = b->bits == 32 || mask >> b->bits == 0;
        if ((run & (run + 1)) != 0 || !fits || (mask == 0 && i != ALPHA))
            return FAIL(em, ST_DATA,
                        "BMP with colour masks %08x %08x %08x %08x, which cannot be read here: "
                        "save it as PNG",
                        b->masks[RED], b->masks[GREEN], b->masks[BLUE], b->masks[ALPHA]);
    }
    return ST_OK;
}

/* Reads the palette, and sets where the pixels start. Colours that are not in the file are
 * black. */
static void palette_read(struct bmp *b)
{
    size_t entry = b->header == OS2_1 ? 3 : 4, at = FILE_HEADER + b->header;
    uint64_t colours = b->header >= WINDOWS_3 ? get(b, FILE_HEADER + 32, 4) : 0;
    if (colours == 0)
        colours = (uint64_t)1 << b->bits;
    for (size_t i = 0; i < MIN(colours, (uint64_t)1 << b->bits); i++)
        for (size_t c = 0; c < 3; c++)
            b->palette[i][c] = (uint8_t)get(b, at + entry * i + 2 - c, 1);
    if (b->pixels_at == 0 ||
        b->pixels_at == at) /* some programs write a place that ignores the palette */
        b->pixels_at = at + entry * colours;
}

static enum status size_read(struct bmp *b, struct errmsg *em)
{
    if (b->header == OS2_1) {
        b->width = get(b, FILE_HEADER + 4, 2);
        b->height = get(b, FILE_HEADER + 6, 2);
        b->bits = get(b, FILE_HEADER + 10, 2);
    } else {
        int64_t height = (int32_t)get(b, FILE_HEADER + 8, 4);
        b->width = get(b, FILE_HEADER + 4, 4);
        b->height = (uint64_t)(height < 0 ? -height : height);
        b->top_down = height < 0;
        b->bits = get(b, FILE_HEADER + 14, 2);
        b->compression = b->header >= WINDOWS_3 ? get(b, FILE_HEADER + 16, 4) : RAW;
    }
    if (b->width == 0 || b->height == 0)
        return FAIL(em, ST_DATA, "damaged BMP: %llu x %llu pixels", (unsigned long long)b->width,
                    (unsigned long long)b->height);
    if (!bits_known(b->bits))
        return FAIL(em, ST_DATA,
                    "BMP of %u bits a pixel: 1, 2, 4, 8, 16, 24 or 32 are possible; save it as PNG",
                    b->bits);
    return picture_side_check(b->width, b->height, em);
}

static uint64_t row_bytes(const struct bmp *b)
{
    return (b->width * b->bits + 31) / 32 * 4;
}

static enum status header_read(const uint8_t *bytes, size_t n, struct bmp *b, struct errmsg *em)
{
    *b = (struct bmp){.bytes = bytes, .n = n};
    b->header = get(b, FILE_HEADER, 4);
    b->pixels_at = get(b, 10, 4);
    if (n < FILE_HEADER + OS2_1)
        return FAIL(em, ST_DATA, "truncated BMP: %zu bytes", n);
    if (!header_known(b->header))
        return FAIL(em, ST_DATA,
                    "BMP with a header of %u bytes, which is of no known kind: save it as PNG",
                    b->header);
    if (n < FILE_HEADER + b->header)
        return FAIL(em, ST_DATA, "truncated BMP: %zu bytes", n);
    enum status st = size_read(b, em);
    if (st == ST_OK)
        st = compression_check(b, em);
    if (st == ST_OK && b->bits >= 16)
        st = masks_read(b, em);
    if (st != ST_OK)
        return st;
    if (b->bits < 16)
        palette_read(b);
    else if (b->pixels_at == 0)
        b->pixels_at = FILE_HEADER + b->header;
    if (b->pixels_at < FILE_HEADER + b->header)
        return FAIL(em, ST_DATA, "damaged BMP: its pixels would start inside its header");
    /* the last row may lack its padding; runs have their own end mark */
    uint64_t needed = row_bytes(b) * (b->height - 1) + (b->width * b->bits + 7) / 8;
    if (b->compression == RLE8 || b->compression == RLE4)
        needed = 2;
    if (b->pixels_at + needed > n)
        return FAIL(em, ST_DATA, "truncated BMP: %llu bytes of pixels announced, %llu are there",
                    (unsigned long long)needed, (unsigned long long)(n - MIN(n, b->pixels_at)));
    return ST_OK;
}

enum status bmp_check(const uint8_t *bytes, size_t n, struct picture_facts *out, struct errmsg *em)
{
    struct bmp b;
    enum status st = header_read(bytes, n, &b, em);
    if (st != ST_OK)
        return st;
    *out = (struct picture_facts){.orientation = 1, .width = (int)b.width, .height = (int)b.height};
    return ST_OK;
}

/* --- pixels --------------------------------------------------------------------------------- */

/* Pixel x of row y, in the file's order of rows. */
static uint8_t *pixel_at(const struct bmp *b, uint8_t *rgba, uint64_t x, uint64_t y)
{
    uint64_t row = b->top_down ? y : b->height - 1 - y;
    return rgba + 4 * (row * b->width + x);
}

static void put_index(const struct bmp *b, uint8_t *pixel, unsigned index)
{
    memcpy(pixel, b->palette[index], 3);
    pixel[3] = 255;
}

/* A channel's bits scaled to 0 to 255, rounded down as in Pillow. */
static uint8_t channel(uint32_t value, uint32_t mask)
{
    if (mask == 0)
        return 255; /* no alpha: opaque */
    int shift = __builtin_ctz(mask);
    uint64_t level = (value & mask) >> shift, most = mask >> shift;
    return (uint8_t)(level * 255 / most);
}

static void rows_read(const struct bmp *b, uint8_t *rgba)
{
    for (uint64_t y = 0; y < b->height; y++) {
        const uint8_t *row = b->bytes + b->pixels_at + y * row_bytes(b);
        for (uint64_t x = 0; x < b->width; x++) {
            uint8_t *pixel = pixel_at(b, rgba, x, y);
            if (b->bits < 16) {
                unsigned bit = (unsigned)(x * b->bits % 8), shift = 8 - b->bits - bit;
                unsigned byte = row[x * b->bits / 8];
                put_index(b, pixel, byte >> shift & ((1u << b->bits) - 1));
                continue;
            }
            uint32_t value = 0;
            for (unsigned i = b->bits / 8; i-- > 0;)
                value = value << 8 | row[x * b->bits / 8 + i];
            for (size_t c = 0; c < MASKS; c++)
                pixel[c] = channel(value, b->masks[c]);
        }
    }
}

struct runs {
    const struct bmp *b;
    uint8_t *rgba;
    uint64_t at, x, y; /* the next byte, and the pixel that it is for */
};

/* Writes `count` pixels of the two colours (8 bits: one) in `byte`; pixels beyond the row's end are
 * dropped. */
static void put_run(struct runs *r, unsigned count, unsigned byte)
{
    for (unsigned i = 0; i < count; i++, r->x++) {
        unsigned index = r->b->bits == 8 ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
        if (r->x < r->b->width && r->y < r->b->height)
            put_index(r->b, pixel_at(r->b, r->rgba, r->x, r->y), index);
    }
}

/* Copies `count` pixels, padded to an even number of bytes. False: the file is too short. */
static bool put_absolute(struct runs *r, unsigned count)
{
    unsigned per_byte = 8 / r->b->bits, n_bytes = (count + per_byte - 1) / per_byte;
    if (n_bytes > r->b->n - r->at)
        return false;
    for (unsigned i = 0; i < n_bytes; i++)
        put_run(r, MIN(per_byte, count - i * per_byte), r->b->bytes[r->at + i]);
    r->at = MIN(r->at + n_bytes + n_bytes % 2, r->b->n);
    return true;
}

/* Reads runs with the escapes of Microsoft's "Bitmap Compression". Pixels without a run have colour
 * 0. */
static bool runs_read(struct runs *r)
{
    const struct bmp *b = r->b;
    while (r->y + 1 < b->height || (r->y + 1 == b->height && r->x < b->width)) {
        if (b->n - r->at < 2)
            return false;
        unsigned count = b->bytes[r->at], code = b->bytes[r->at + 1];
        r->at += 2;
        if (count > 0) {
            put_run(r, count, code);
        } else if (code == 0) { /* end of the row */
            r->x = 0;
            r->y++;
        } else if (code == 1) { /* end of the picture */
            return true;
        } else if (code == 2) { /* a move to the right and to later rows */
            if (b->n - r->at < 2)
                return false;
            r->x += b->bytes[r->at];
            r->y += b->bytes[r->at + 1];
            r->at += 2;
        } else if (!put_absolute(r, code)) {
            return false;
        }
    }
    return true;
}

enum status bmp_pixels(const uint8_t *bytes, size_t n, const struct picture_facts *checked,
                       uint8_t **rgba_out, struct errmsg *em)
{
    (void)checked; /* unused: the header is read again */
    struct bmp b;
    enum status st = header_read(bytes, n, &b, em);
    if (st != ST_OK)
        return st;
    size_t pixels = (size_t)(b.width * b.height);
    uint8_t *rgba = malloc(4 * pixels);
    if (!rgba)
        return FAIL(em, ST_MEMORY, "out of memory while decoding");
    if (b.compression != RLE8 && b.compression != RLE4) {
        rows_read(&b, rgba);
    } else {
        struct runs runs = {.b = &b, .rgba = rgba, .at = b.pixels_at};
        for (size_t i = 0; i < pixels; i++)
            put_index(&b, rgba + 4 * i, 0);
        if (!runs_read(&runs)) {
            free(rgba);
            return FAIL(em, ST_DATA, "truncated BMP: the end of its runs is missing");
        }
    }
    *rgba_out = rgba;
    return ST_OK;
}
