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

#include "base/file.h"

enum { PICTURE_SIDE_MAX = 16384, PICTURE_PROFILE_BYTES = 40 };

/* Owner frees with picture_release; {0} is an empty picture. */
struct picture {
    int width, height;
    uint8_t *rgb;
    /* of a decoded file: the name of a colour profile that was not applied; "": none */
    char profile[PICTURE_PROFILE_BYTES];
};

enum status picture_init(struct picture *out, int width, int height, struct errmsg *em) MUST_CHECK;
void picture_release(struct picture *p); /* leaves {0} behind */

/* ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp" in any case. */
bool picture_extension_known(const char *path);

/*
 * Decodes JPEG, PNG or BMP, recognised by content; see docs/pictures.md. Applies the orientation of
 * EXIF or XMP. Alpha: laid over black; grey: becomes RGB; 16 bits: the high byte; CMYK JPEG:
 * converted by its inverted channels. Colour profiles of JPEG and PNG that consist of primaries and
 * curves are applied; other profiles are named in out->profile. Other kinds and wholly transparent
 * pictures are refused. Untrusted input ends in ST_DATA with a reason, never in
 * undefined behaviour; sides above PICTURE_SIDE_MAX are refused before any allocation. The message
 * says what the bytes are and what to do, and does not name the file.
 */
enum status picture_decode(const uint8_t *bytes, size_t n, struct picture *out,
                           struct errmsg *em) MUST_CHECK;
/* Reads and decodes a file; the message names it. ST_NOINPUT, ST_DATA, ST_MEMORY. */
enum status picture_read(const char *path, struct picture *out, struct errmsg *em) MUST_CHECK;

/* The middle square of side min(width, height). */
enum status picture_crop_square(const struct picture *in, struct picture *out,
                                struct errmsg *em) MUST_CHECK;
/* Resizes each axis separately: area average to shrink, Lanczos-3 to enlarge, a copy if equal.
 * ST_MEMORY. */
enum status picture_resize(const struct picture *in, int width, int height, struct picture *out,
                           struct errmsg *em) MUST_CHECK;
/* Likewise from (height, width, channels) bytes to the caller's memory, (out_height, out_width,
 * channels). */
enum status picture_resize_bytes(const uint8_t *in, int width, int height, int channels,
                                 uint8_t *out, int out_width, int out_height,
                                 struct errmsg *em) MUST_CHECK;

/* Fills the picture with one colour. */
void picture_fill(struct picture *p, uint8_t r, uint8_t g, uint8_t b);
/* Copies src to (x, y); parts outside dst are cut off. */
void picture_paste(struct picture *dst, const struct picture *src, int x, int y);
/*
 * Draws UTF-8 text with its top left corner at (x, y), `size` pixels high, by cairo with the
 * system's sans-serif font; without cairo, or if that font has no letters, in a built-in ASCII
 * face. Characters that the font lacks become '?'. Returns the width.
 */
int picture_text(struct picture *p, int x, int y, int size, const uint8_t colour[3],
                 const char *text);
/* The width that picture_text returns, without a picture. */
int picture_text_width(int size, const char *text);
/* True if the font has all characters of the text, so that no '?' is drawn. */
bool picture_text_possible(const char *text);
/* Copies the text as picture_text draws it, with '?' for characters that the font lacks, and cut to
 * out_bytes between two characters. Returns how many characters it shows, without blanks; if none,
 * callers use a role ("A"). */
size_t picture_text_shown(const char *text, char *out, size_t out_bytes);

struct picture_box {
    int left, top, right, bottom; /* the last two: the first column and row outside */
};
/* Draws the label "AI" of decoded pictures, `high` pixels high and 1.5 times as wide, into a
 * corner: 0 the lower right, 1 the lower left, 2 the upper right, 3 the upper left. */
void picture_label(struct picture *p, int high, int corner);
/* The corner where this label hides the least of the n boxes; `kept` if no corner is better. */
int picture_label_corner(const struct picture *p, int high, const struct picture_box *boxes,
                         size_t n, int kept);

/*
 * How sharp the pixels inside are: the root mean square of the Laplacian over the standard
 * deviation of the brightness (J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield
 * microscopy: a comparative study", 2000, with the contrast divided out). It does not depend on
 * light and contrast; noise raises it. inside (height, width): not 0 for pixels that count. Returns
 * 0 if these are too few or all alike.
 */
double picture_sharpness(const struct picture *p, const uint8_t *inside);

/* Where the picture comes from; written as XMP (IPTC DigitalSourceType) and as a Software field. */
enum picture_source {
    PICTURE_SOURCE_UNMARKED,  /* no decoded face */
    PICTURE_SOURCE_TRAINED,   /* a decoder's output: trainedAlgorithmicMedia */
    PICTURE_SOURCE_COMPOSITE, /* real or drawn pictures beside decoded ones: composite… */
};
enum { PICTURE_HASH_BYTES = 33 };
struct picture_mark {
    enum picture_source source;
    const char *checkpoint_hash; /* 32 hex digits or NULL */
    bool visible_label;          /* draw "AI" in the lower right corner, at most a tenth high */
};

/* PNG bytes, the caller's to free; mark NULL = unmarked. The same input gives the same bytes. */
enum status picture_encode_png(const struct picture *p, const struct picture_mark *mark,
                               uint8_t **bytes_out, size_t *n_out, struct errmsg *em) MUST_CHECK;
/*
 * JPEG bytes, smaller than PNG's, for pages that hold many pictures; quality 1 to 100. The caller
 * frees them. mark as for PNG, but visible_label is ignored: draw the label first (picture_label).
 * ST_MEMORY.
 */
enum status picture_encode_jpeg(const struct picture *p, const struct picture_mark *mark,
                                int quality, uint8_t **bytes_out, size_t *n_out,
                                struct errmsg *em) MUST_CHECK;
/* True if XMP data near the start or the end of a picture or video say that an algorithm drew it or
 * a part of it (IPTC DigitalSourceType), as Bifrons and other programs write them. hash: of the
 * checkpoint that drew it; "": not told. */
bool picture_read_mark(const char *path, char hash[static PICTURE_HASH_BYTES]);

/* How the note beside a composite (bifrons swap --into) begins. */
#define PICTURE_NOTE_BEGINS "Composite with a face drawn by a trained model (Bifrons)\n"
/* The place of the note: "x.txt" for "x.png" or "x.mp4". ST_IO: too long. */
enum status picture_note_path(const char *composite, char out[static PATH_BYTES_MAX],
                              struct errmsg *em) MUST_CHECK;
/* Does a file begin as a note does? ST_NOINPUT, ST_IO: it cannot be read. */
enum status picture_is_note(const char *path, bool *out, struct errmsg *em) MUST_CHECK;
/* True if there is a note beside the picture or video. */
bool picture_has_note(const char *path);
/* True if a mark or a note says that an algorithm drew the picture or video, or a part of it. */
bool picture_is_generated(const char *path);

/* Checks that picture_write_png may write there. ST_USAGE: a file that Bifrons did not make would
 * be lost; ST_IO: not a file. */
enum status picture_check_output(const char *path, struct errmsg *em) MUST_CHECK;
/* Writes a PNG file, atomically; picture_check_output must allow it. ST_USAGE, ST_IO. */
enum status picture_write_png(const char *path, const struct picture *p,
                              const struct picture_mark *mark, struct errmsg *em) MUST_CHECK;

#endif
