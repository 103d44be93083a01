/*
 * Checks a PNG before stb_image sees it: the checksum of every chunk, and the header. stb_image
 * then gets a copy of the necessary chunks, because it reads uninitialised memory if a pixel is
 * beyond a short palette. It also refuses tRNS chunks that are too long or out of place, and
 * palettes of pictures that need none.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/checked.h"
#include "picture_priv.h"

#include "base/poison.h"

enum {
    FRAME_BYTES = 12,
    HEADER_BYTES = 13,
    PALETTE_BYTES = 3 * 256
}; /* FRAME: bytes around a chunk's data */
enum { GREY = 0, RGB = 2, INDEXED = 3, GREY_ALPHA = 4, RGB_ALPHA = 6 };

struct chunk {
    const uint8_t *kind, *data; /* data NULL: none */
    size_t n;
};

/* Gives the next chunk from *at on; false: the end. */
static bool next_chunk(const uint8_t *bytes, size_t n, size_t *at, struct chunk *out)
{
    if (n - *at < FRAME_BYTES)
        return false;
    const uint8_t *p = bytes + *at;
    out->n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    out->kind = p + 4;
    out->data = p + 8;
    if (out->n > n - *at - FRAME_BYTES)
        return false;
    *at += FRAME_BYTES + out->n;
    return true;
}

static bool is(const struct chunk *c, const char kind[static 4])
{
    return memcmp(c->kind, kind, 4) == 0;
}

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum status header_check(const struct chunk *c, struct errmsg *em)
{
    static const uint8_t bits_of[RGB_ALPHA + 1] = {[GREY] = 1 | 2 | 4 | 8 | 16,
                                                   [RGB] = 8 | 16,
                                                   [INDEXED] = 1 | 2 | 4 | 8,
                                                   [GREY_ALPHA] = 8 | 16,
                                                   [RGB_ALPHA] = 8 | 16};
    if (is(c, "CgBI"))
        return FAIL(em, ST_DATA,
                    "PNG in the form that iPhone programs hold (CgBI): save it as an ordinary PNG");
    if (!is(c, "IHDR") || c->n != HEADER_BYTES)
        return FAIL(em, ST_DATA, "damaged PNG: it does not start with its header");
    unsigned bits = c->data[8], colour = c->data[9];
    if (colour > RGB_ALPHA || bits > 16 || (bits & (bits - 1)) != 0 || !(bits_of[colour] & bits))
        return FAIL(em, ST_DATA, "damaged PNG: %u bits of colour type %u are not possible", bits,
                    colour);
    return picture_side_check(u32_at(c->data), u32_at(c->data + 4), em);
}

enum status png_check(const uint8_t *bytes, size_t n, struct picture_facts *out, struct errmsg *em)
{
    struct orientation orientation = {0};
    struct chunk c;
    bool first = true;
    for (size_t at = PNG_SIGNATURE_BYTES, from = at; next_chunk(bytes, n, &at, &c); from = at) {
        if (crc32(crc32(0, c.kind, 4), c.data, (uInt)c.n) != u32_at(c.data + c.n))
            return FAIL(em, ST_DATA, "damaged PNG: wrong checksum at byte %zu", from);
        if (first && header_check(&c, em) != ST_OK)
            return ST_DATA;
        if (!first && is(&c, "IHDR"))
            return FAIL(em, ST_DATA, "damaged PNG: a second header at byte %zu", from);
        if (first) {
            out->width = (int)u32_at(c.data);
            out->height = (int)u32_at(c.data + 4);
        }
        first = false;
        png_note_orientation(c.kind, c.n, &orientation);
        if (is(&c, "IEND")) {
            out->orientation = orientation_of(&orientation);
            return ST_OK;
        }
    }
    return FAIL(em, ST_DATA, "truncated PNG: the end is missing");
}

/* --- the copy ------------------------------------------------------------------------------- */

struct parts {
    struct chunk header, palette, transparency;
    size_t n_pixels; /* bytes in all IDAT chunks */
};

static struct parts find_parts(const uint8_t *bytes, size_t n)
{
    struct parts parts = {0};
    struct chunk c;
    for (size_t at = PNG_SIGNATURE_BYTES; next_chunk(bytes, n, &at, &c) && !is(&c, "IEND");) {
        if (is(&c, "IHDR"))
            parts.header = c;
        else if (is(&c, "PLTE"))
            parts.palette = c;
        else if (is(&c, "tRNS"))
            parts.transparency = c;
        else if (is(&c, "IDAT"))
            parts.n_pixels += c.n;
    }
    return parts;
}

/* Leaves the checksum unset: stb_image ignores it. */
static uint8_t *begin_chunk(uint8_t *to, const char kind[static 4], size_t n)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(n >> (24 - 8 * i));
    memcpy(to + 4, kind, 4);
    return to + 8;
}

static uint8_t *copy_chunk(uint8_t *to, const char kind[static 4], const uint8_t *data, size_t n)
{
    memcpy(begin_chunk(to, kind, n), data, n);
    return to + FRAME_BYTES + n;
}

/* Copies the palette with all 256 colours: those missing in the file are black and opaque. */
static uint8_t *copy_palette(uint8_t *to, const struct parts *parts)
{
    uint8_t palette[PALETTE_BYTES] = {0};
    memcpy(palette, parts->palette.data, MIN(parts->palette.n, sizeof palette));
    to = copy_chunk(to, "PLTE", palette, sizeof palette);
    if (parts->transparency.data)
        to = copy_chunk(to, "tRNS", parts->transparency.data,
                        MIN(parts->transparency.n, PALETTE_BYTES / 3));
    return to;
}

/* Copies the chunks of a checked PNG that hold its pixels, so that stb_image reads them correctly;
 * the caller frees. */
static enum status pixel_chunks(const uint8_t *bytes, size_t n, uint8_t **out, size_t *n_out,
                                struct errmsg *em)
{
    struct parts parts = find_parts(bytes, n);
    /* a checked PNG has a header */
    /* NOLINTNEXTLINE(analyzer-null-dereference,clang-analyzer-core.NullDereference) */
    unsigned colour = parts.header.data[9];
    size_t transparent = colour == GREY ? 2 : colour == RGB ? 6 : 0; /* bytes of a tRNS */
    if (parts.n_pixels == 0)
        return FAIL(em, ST_DATA, "damaged PNG: no picture data");
    if (colour == INDEXED && parts.palette.n < 3)
        return FAIL(em, ST_DATA,
                    "damaged PNG: its pixels are numbers of a palette's colours, but "
                    "it has no palette");
    if (parts.transparency.data && parts.transparency.n < transparent)
        return FAIL(em, ST_DATA, "damaged PNG: a tRNS chunk of %zu bytes instead of %zu",
                    parts.transparency.n, transparent);
    size_t room = PNG_SIGNATURE_BYTES + 5 * FRAME_BYTES + HEADER_BYTES + PALETTE_BYTES +
                  PALETTE_BYTES / 3 + parts.n_pixels;
    uint8_t *copy = calloc(room, 1), *to = copy;
    if (!copy)
        return FAIL(em, ST_MEMORY, "out of memory while decoding");
    memcpy(to, PNG_SIGNATURE, PNG_SIGNATURE_BYTES);
    to = copy_chunk(to + PNG_SIGNATURE_BYTES, "IHDR", parts.header.data, HEADER_BYTES);
    if (colour == INDEXED)
        to = copy_palette(to, &parts);
    else if (parts.transparency.data && transparent > 0)
        to = copy_chunk(to, "tRNS", parts.transparency.data, transparent);
    to = begin_chunk(to, "IDAT", parts.n_pixels);
    struct chunk c;
    for (size_t at = PNG_SIGNATURE_BYTES; next_chunk(bytes, n, &at, &c) && !is(&c, "IEND");)
        if (is(&c, "IDAT")) {
            memcpy(to, c.data, c.n);
            to += c.n;
        }
    to = begin_chunk(to + 4, "IEND", 0) + 4;
    *out = copy;
    *n_out = (size_t)(to - copy);
    return ST_OK;
}

enum status png_pixels(const uint8_t *bytes, size_t n, const struct picture_facts *checked,
                       uint8_t **rgba_out, struct errmsg *em)
{
    uint8_t *chunks = NULL;
    size_t n_chunks = 0;
    enum status st = pixel_chunks(bytes, n, &chunks, &n_chunks, em);
    if (st != ST_OK)
        return st;
    st = stb_pixels("PNG", chunks, n_chunks, checked, rgba_out, em);
    free(chunks);
    return st;
}
