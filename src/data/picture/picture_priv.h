/* What the picture files share among themselves. */
#ifndef BIFRONS_DATA_PICTURE_PRIV_H
#define BIFRONS_DATA_PICTURE_PRIV_H

#include "data/picture.h"

/* 12,000 x 9,000 and no more: a decoder needs up to 8 bytes a pixel. */
#define PICTURE_PIXELS_MAX ((size_t)1 << 27)

#define PNG_SIGNATURE "\x89PNG\r\n\x1a\n"
enum { PNG_SIGNATURE_BYTES = 8 };

/* Sides of at most PICTURE_SIDE_MAX: asked before anything else looks at a size. ST_DATA. */
enum status picture_side_check(uint64_t width, uint64_t height, struct errmsg *em) MUST_CHECK;

/* Orientation: 1 to 8 as EXIF has it, 1 where none is given. The size is as stored, not upright. */
struct picture_facts {
    int orientation, width, height;
};

/* A colour profile (ICC) in a file's bytes, or unpacked into `room`; bytes NULL: none. The room is
 * enough for a profile of primaries and curves, and for the name of a larger one. */
enum { ICC_BYTES_MAX = 64 * 1024 };
struct profile {
    const uint8_t *bytes;
    size_t n;
};

/*
 * A format that is read. To add one, add a row to picture_formats.c, and to file_kind.c what tells
 * such a file.
 */
struct picture_format {
    const char *name;          /* "JPEG" */
    const char *extensions[5]; /* ".jpg", …; the rest NULL */
    const char *start;         /* a file's first bytes */
    size_t n_start;
    /* Checks what the decoder does not. ST_DATA, saying what to do. */
    enum status (*check)(const uint8_t *bytes, size_t n, struct picture_facts *out,
                         struct errmsg *em);
    /* Pixels of a checked file as (height, width, 4) RGBA; the caller's to free. The size must be
     * what was checked. ST_DATA, ST_MEMORY. */
    enum status (*pixels)(const uint8_t *bytes, size_t n, const struct picture_facts *checked,
                          uint8_t **rgba_out, struct errmsg *em);
    /* NULL: the format has none that is looked for. */
    struct profile (*profile)(const uint8_t *bytes, size_t n, uint8_t room[static ICC_BYTES_MAX]);
};
/* The format that a file's first bytes tell; NULL: none that is read. */
const struct picture_format *picture_format_of(const uint8_t *bytes, size_t n);

/* The functions of the rows. */
enum status jpeg_check(const uint8_t *bytes, size_t n, struct picture_facts *out,
                       struct errmsg *em) MUST_CHECK;
enum status png_check(const uint8_t *bytes, size_t n, struct picture_facts *out,
                      struct errmsg *em) MUST_CHECK;
enum status bmp_check(const uint8_t *bytes, size_t n, struct picture_facts *out,
                      struct errmsg *em) MUST_CHECK;
enum status jpeg_pixels(const uint8_t *bytes, size_t n, const struct picture_facts *checked,
                        uint8_t **rgba_out, struct errmsg *em) MUST_CHECK;
enum status png_pixels(const uint8_t *bytes, size_t n, const struct picture_facts *checked,
                       uint8_t **rgba_out, struct errmsg *em) MUST_CHECK;
enum status bmp_pixels(const uint8_t *bytes, size_t n, const struct picture_facts *checked,
                       uint8_t **rgba_out, struct errmsg *em) MUST_CHECK;
struct profile jpeg_profile(const uint8_t *bytes, size_t n, uint8_t room[static ICC_BYTES_MAX]);
struct profile png_profile(const uint8_t *bytes, size_t n, uint8_t room[static ICC_BYTES_MAX]);

/* What a file's parts say about how the camera was held: 1 to 8, or 0 for nothing. */
struct orientation {
    int exif;    /* JPEG's APP1, PNG's eXIf */
    int profile; /* PNG's "Raw profile type exif" */
    int xmp;
};
/* The first that says something; 1 where none does. */
int orientation_of(const struct orientation *o);
/* In a TIFF block (what follows "Exif\0\0", or a PNG eXIf chunk) and in XMP; 0 for nothing. */
int exif_orientation(const uint8_t *tiff, size_t n);
int xmp_orientation(const uint8_t *xmp, size_t n);
/* Of a chunk (its kind and then n bytes of data), if it is one that tells. */
void png_note_orientation(const uint8_t *chunk, size_t n, struct orientation *o);

/* What a zlib stream unpacks to, as far as there is room; returns how many bytes. */
size_t zlib_start(const uint8_t *packed, size_t n, uint8_t *out, size_t room);

/* Size of a JPEG as stb_image sees it. ST_DATA. */
enum status stb_jpeg_size(const uint8_t *bytes, size_t n, int *width_out, int *height_out,
                          struct errmsg *em) MUST_CHECK;
/* Pixels of a checked JPEG, or of a PNG's chunks, as a row's function; `format` names it in errors.
 */
enum status stb_pixels(const char *format, const uint8_t *bytes, size_t n,
                       const struct picture_facts *checked, uint8_t **rgba_out,
                       struct errmsg *em) MUST_CHECK;

/*
 * (height, width, channels) bytes to (out_height, out_width, channels), each axis on its own: area
 * average where it shrinks, Lanczos-3 where it grows, copied where it stays. ST_MEMORY.
 */
enum status pixels_resize(const uint8_t *in, int width, int height, int channels, uint8_t *out,
                          int out_width, int out_height, struct errmsg *em) MUST_CHECK;

/* Lays `colour` over a pixel with coverage 0 to 255. */
void pixel_blend(uint8_t *rgb, const uint8_t colour[3], unsigned coverage);

/* The letters "AI", as bars, within a box. */
void label_ai(struct picture *p, int left, int top, int width, int height, const uint8_t colour[3]);

#endif
