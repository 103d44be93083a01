/*
 * Pictures in memory: decoding untrusted files, geometry, drawing, writing PNG.
 *
 * A picture is 8-bit sRGB, rows from the top, no padding: rgb[(y * width + x) * 3 + channel].
 * All functions are thread-safe; none keeps state.
 */
#ifndef BIFRONS_DATA_PICTURE_H
#define BIFRONS_DATA_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { PICTURE_SIDE_MAX = 16384 };

/* Owner frees with picture_release; {0} is an empty picture. */
struct picture {
    int width, height;
    uint8_t *rgb;
};

enum status picture_init(struct picture *out, int width, int height, struct errmsg *em) MUST_CHECK;
void picture_release(struct picture *p); /* leaves {0} behind */

/* ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp" in any case. */
bool picture_extension_known(const char *path);

/*
 * Decodes JPEG, PNG or BMP (told by content, not by name), as docs/pictures.md says. EXIF's or
 * XMP's orientation is applied, alpha is laid over black, grey becomes RGB, 16 bits become 8 by
 * their high byte, CMYK JPEG is converted by its inverted channels, colour profiles are not
 * applied. Kinds that are not read, and wholly transparent pictures, are refused by name. Hostile
 * input ends in ST_DATA with a reason, never in undefined behaviour; sides above PICTURE_SIDE_MAX
 * are refused before anything is allocated. The text says what the bytes are instead of a picture,
 * and what to do, and does not name the file.
 */
enum status picture_decode(const uint8_t *bytes, size_t n, struct picture *out,
                           struct errmsg *em) MUST_CHECK;
enum { PICTURE_PROFILE_BYTES = 40 };
/* Has a picture (JPEG or PNG) a colour profile that is not applied and not sRGB's? Then its name.
 */
bool picture_profile(const uint8_t *bytes, size_t n, char name[static PICTURE_PROFILE_BYTES]);
/* Reads and decodes a file; the text names it. ST_NOINPUT, ST_DATA, ST_MEMORY. */
enum status picture_read(const char *path, struct picture *out, struct errmsg *em) MUST_CHECK;

/* The middle square of side min(width, height). */
enum status picture_crop_square(const struct picture *in, struct picture *out,
                                struct errmsg *em) MUST_CHECK;
/* Area average where it shrinks, Lanczos-3 where it enlarges; exact copy where sizes agree. */
enum status picture_resize(const struct picture *in, int width, int height, struct picture *out,
                           struct errmsg *em) MUST_CHECK;

/* Fills everything with one colour. */
void picture_fill(struct picture *p, uint8_t r, uint8_t g, uint8_t b);
/* Copies src to (x, y); what falls outside is cut. */
void picture_paste(struct picture *dst, const struct picture *src, int x, int y);
/*
 * Writes UTF-8 text with its top left corner at (x, y), `size` pixels high. With cairo and a font
 * that has the characters it is set in that font; else in a built-in ASCII face, where characters
 * outside ASCII become '?'. Returns the width used.
 */
int picture_text(struct picture *p, int x, int y, int size, const uint8_t colour[3],
                 const char *text);
/* Can text be set without '?' here? Callers fall back to a role ("A") where not. */
bool picture_text_possible(const char *text);

/* How the picture came about, written as XMP (IPTC DigitalSourceType) and a Software field. */
enum picture_source {
    PICTURE_SOURCE_UNMARKED,  /* no decoded face in it */
    PICTURE_SOURCE_TRAINED,   /* a decoder's output: trainedAlgorithmicMedia */
    PICTURE_SOURCE_COMPOSITE, /* real or drawn pictures beside decoded ones: composite… */
};
struct picture_mark {
    enum picture_source source;
    const char *checkpoint_hash; /* 32 hex digits or NULL */
    bool visible_label;          /* draw "AI" in the lower right corner, at most a tenth high */
};

/* PNG bytes, the caller's to free; mark NULL = unmarked. The same input gives the same bytes. */
enum status picture_encode_png(const struct picture *p, const struct picture_mark *mark,
                               uint8_t **bytes_out, size_t *n_out, struct errmsg *em) MUST_CHECK;
/* May picture_write_png write there? ST_USAGE: a file that is no picture of Bifrons' would be lost;
 * ST_IO: it is no file. */
enum status picture_check_output(const char *path, struct errmsg *em) MUST_CHECK;
/* The same to a file, atomically, which picture_check_output allows. ST_USAGE, ST_IO. */
enum status picture_write_png(const char *path, const struct picture *p,
                              const struct picture_mark *mark, struct errmsg *em) MUST_CHECK;

#endif
