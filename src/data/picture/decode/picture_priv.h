/* Shared by the files that decode pictures. */
#ifndef BIFRONS_DATA_PICTURE_PRIV_H
#define BIFRONS_DATA_PICTURE_PRIV_H

#include "data/picture.h"

/* About 12,000 x 11,000: a decoder needs up to 8 bytes a pixel. */
#define PICTURE_PIXELS_MAX ((size_t)1 << 27)

#define PNG_SIGNATURE "\x89PNG\r\n\x1a\n"
enum { PNG_SIGNATURE_BYTES = 8 };

/* ST_DATA: a side above PICTURE_SIDE_MAX. Called before a size is used for anything else. */
enum status picture_side_check(uint64_t width, uint64_t height, struct errmsg *em) MUST_CHECK;

/* Orientation: 1 to 8 as in EXIF; 1 if the file has none. The size is as stored, not upright. */
struct picture_facts {
    int orientation, width, height;
};

/* A colour profile (ICC), in the file's bytes or unpacked into `room`; bytes NULL: none. The room
 * is enough for profiles of primaries and curves, and for the name of larger ones. */
enum { ICC_BYTES_MAX = 64 * 1024 };
struct profile {
    const uint8_t *bytes;
    size_t n;
};

/*
 * A format that can be read. To add one, add a row to picture_formats.c, and its first bytes to
 * file_kind.c.
 */
struct picture_format {
    const char *name;          /* "JPEG" */
    const char *extensions[5]; /* ".jpg", …; the rest NULL */
    const char *start;         /* a file's first bytes */
    size_t n_start;
    /* Checks what the decoder does not check. ST_DATA, with what to do. */
    enum status (*check)(const uint8_t *bytes, size_t n, struct picture_facts *out,
                         struct errmsg *em);
    /* Decodes a checked file to (height, width, 4) RGBA; the caller frees. `checked`: what check
     * gave; the size must be the same. ST_DATA, ST_MEMORY. */
    enum status (*pixels)(const uint8_t *bytes, size_t n, const struct picture_facts *checked,
                          uint8_t **rgba_out, struct errmsg *em);
    /* NULL: profiles of this format are not read. */
    struct profile (*profile)(const uint8_t *bytes, size_t n, uint8_t room[static ICC_BYTES_MAX]);
};
/* The format by the file's first bytes; NULL: not one that can be read. */
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

/* Converts (pixels, 4) RGBA from the file's colour profile to sRGB. Sets `name` if the profile
 * cannot be applied. */
void profile_apply(const struct picture_format *format, const uint8_t *bytes, size_t n,
                   uint8_t *rgba, size_t pixels, char name[static PICTURE_PROFILE_BYTES]);

/* The orientation in each place of a file: 1 to 8, or 0: none. */
struct orientation {
    int exif;    /* JPEG's APP1, PNG's eXIf */
    int profile; /* PNG's "Raw profile type exif" */
    int xmp;
};
/* The first that is not 0; else 1. */
int orientation_of(const struct orientation *o);
/* The orientation in a TIFF block (after "Exif\0\0", or a PNG's eXIf chunk) and in XMP; 0: none. */
int exif_orientation(const uint8_t *tiff, size_t n);
int xmp_orientation(const uint8_t *xmp, size_t n);
/* Reads the orientation from a chunk (its kind, then n bytes of data), if it has one. */
void png_note_orientation(const uint8_t *chunk, size_t n, struct orientation *o);

/* Unpacks the start of a zlib stream, at most `room` bytes; returns how many. */
size_t zlib_start(const uint8_t *packed, size_t n, uint8_t *out, size_t room);

/* The size of a JPEG by stb_image. ST_DATA. */
enum status stb_jpeg_size(const uint8_t *bytes, size_t n, int *width_out, int *height_out,
                          struct errmsg *em) MUST_CHECK;
/* Decodes a checked JPEG, or a PNG's chunks; `format` is its name in messages. */
enum status stb_pixels(const char *format, const uint8_t *bytes, size_t n,
                       const struct picture_facts *checked, uint8_t **rgba_out,
                       struct errmsg *em) MUST_CHECK;

#endif
