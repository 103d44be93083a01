#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "data/file_kind.h"
#include "picture_priv.h"

#include "base/poison.h"

/* The most pixels that one byte of a file can encode: DEFLATE packs 1032 bytes into one, and each
 * of them holds 8 pixels of a PNG. JPEG and the runs of BMP encode fewer. A BMP may also leave
 * pixels out: one that leaves out nearly all of them counts as damaged. */
enum { FILE_BYTES_MAX = 1 << 30, BYTE_PIXELS_MAX = 8 * 1032 };

/* Called before a size is used for anything else. */
enum status picture_side_check(uint64_t width, uint64_t height, struct errmsg *em)
{
    if (width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX)
        return FAIL(em, ST_DATA, "%llu x %llu pixels: more than %d on a side; make it smaller",
                    (unsigned long long)width, (unsigned long long)height, PICTURE_SIDE_MAX);
    return ST_OK;
}

/* Index of the upright pixel (x, y) in the stored picture of width x height; EXIF 2.3, 4.6.4 A. */
static size_t turned(int orientation, int x, int y, int width, int height)
{
    bool swap = orientation >= 5; /* rows and columns are exchanged */
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    int column = swap ? y : x, row = swap ? x : y;
    if (from_right)
        column = width - 1 - column;
    if (from_below)
        row = height - 1 - row;
    return (size_t)row * (size_t)width + (size_t)column;
}

/* Turns the picture upright and lays alpha over black: colour times alpha. */
static enum status upright(const uint8_t *rgba, const struct picture_facts *f, struct picture *out,
                           struct errmsg *em)
{
    bool swap = f->orientation >= 5;
    enum status st =
        picture_init(out, swap ? f->height : f->width, swap ? f->width : f->height, em);
    if (st != ST_OK)
        return st;
    uint8_t *to = out->rgb, alpha = 0;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            const uint8_t *from = rgba + 4 * turned(f->orientation, x, y, f->width, f->height);
            alpha |= from[3];
            for (int c = 0; c < 3; c++)
                *to++ = (uint8_t)((from[c] * from[3] + 127) / 255);
        }
    if (alpha != 0)
        return ST_OK;
    picture_release(out);
    return FAIL(em, ST_DATA,
                "wholly transparent (the alpha of every pixel is 0): save it without transparency");
}

static enum status check_and_decode(const uint8_t *bytes, size_t n, struct picture *out,
                                    struct errmsg *em)
{
    const struct picture_format *format = picture_format_of(bytes, n);
    struct picture_facts facts = {0};
    uint8_t *rgba;
    if (n == 0)
        return FAIL(em, ST_DATA, "empty file");
    if (!format)
        return FAIL(em, ST_DATA, "neither JPEG, PNG nor BMP");
    enum status st = format->check(bytes, n, &facts, em);
    if (st != ST_OK)
        return st;
    if (facts.width < 1 || facts.height < 1 || facts.width > PICTURE_SIDE_MAX ||
        facts.height > PICTURE_SIDE_MAX ||
        (size_t)facts.width * (size_t)facts.height > PICTURE_PIXELS_MAX)
        return FAIL(em, ST_DATA,
                    "%d x %d pixels: at most %d a side and %zu in all; make it smaller",
                    facts.width, facts.height, PICTURE_SIDE_MAX, PICTURE_PIXELS_MAX);
    size_t pixels = (size_t)facts.width * (size_t)facts.height;
    if (pixels / BYTE_PIXELS_MAX > n)
        return FAIL(em, ST_DATA, "damaged %s: %d x %d pixels do not fit into its %zu bytes",
                    format->name, facts.width, facts.height, n);
    char profile[PICTURE_PROFILE_BYTES] = "";
    if ((st = format->pixels(bytes, n, &facts, &rgba, em)) != ST_OK)
        return st;
    profile_apply(format, bytes, n, rgba, pixels, profile);
    st = upright(rgba, &facts, out, em);
    if (st == ST_OK)
        memcpy(out->profile, profile, sizeof profile);
    free(rgba);
    return st;
}

/* Adds to the decoder's reason what the bytes are instead, and what to do. */
static enum status explain(const uint8_t *bytes, size_t n, const struct errmsg *reason,
                           struct errmsg *em)
{
    const struct file_kind *kind = file_kind_of(bytes, MIN(n, (size_t)FILE_KIND_BYTES));
    const char *remedy = file_group_remedy(kind->group, 1);
    if (kind->group == FILE_READABLE || n == 0)
        return FAIL(em, ST_DATA, "%s", reason->text);
    return FAIL(em, ST_DATA, "%s: it is %s%s%s", reason->text, kind->name,
                remedy[0] != '\0' ? "; " : "", remedy);
}

enum status picture_decode(const uint8_t *bytes, size_t n, struct picture *out, struct errmsg *em)
{
    struct errmsg reason = {0};
    enum status st = check_and_decode(bytes, n, out, &reason);
    if (st == ST_DATA)
        return explain(bytes, n, &reason, em);
    return st == ST_OK ? ST_OK : FAIL(em, st, "%s", reason.text);
}

enum status picture_read(const char *path, struct picture *out, struct errmsg *em)
{
    uint8_t *bytes;
    size_t n;
    struct errmsg reason = {0};
    enum status st = file_read_all(path, FILE_BYTES_MAX, &bytes, &n, em);
    if (st != ST_OK)
        return st;
    st = picture_decode(bytes, n, out, &reason);
    free(bytes);
    return st == ST_OK ? ST_OK : FAIL(em, st, "%s: %s", path, reason.text);
}
