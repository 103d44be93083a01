#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "picture_priv.h"

#include "base/poison.h"

enum { FILE_BYTES_MAX = 1 << 30 };

static enum status check(const uint8_t *bytes, size_t n, int *orientation_out, struct errmsg *em)
{
    *orientation_out = 1;
    if (n == 0)
        return FAIL(em, ST_DATA, "empty file");
    switch (picture_kind_of(bytes, n)) {
    case KIND_JPEG:
        return jpeg_check(bytes, n, orientation_out, em);
    case KIND_PNG:
        return png_check(bytes, n, orientation_out, em);
    case KIND_BMP:
        return bmp_check(bytes, n, em);
    case KIND_UNKNOWN:
        break;
    }
    return FAIL(em, ST_DATA, "neither JPEG, PNG nor BMP");
}

/* Where the upright pixel (x, y) lies in a stored picture of width x height; EXIF 2.3, 4.6.4 A. */
static size_t turned(int orientation, int x, int y, int width, int height)
{
    bool swap = orientation >= 5; /* stored column is upright row */
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    int column = swap ? y : x, row = swap ? x : y;
    if (from_right)
        column = width - 1 - column;
    if (from_below)
        row = height - 1 - row;
    return (size_t)row * (size_t)width + (size_t)column;
}

/* Upright, alpha over black: a pixel's colour counts by its alpha. */
static enum status upright(const uint8_t *rgba, int width, int height, int orientation,
                           struct picture *out, struct errmsg *em)
{
    bool swap = orientation >= 5;
    enum status st = picture_init(out, swap ? height : width, swap ? width : height, em);
    if (st != ST_OK)
        return st;
    uint8_t *to = out->rgb;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            const uint8_t *from = rgba + 4 * turned(orientation, x, y, width, height);
            for (int c = 0; c < 3; c++)
                *to++ = (uint8_t)((from[c] * from[3] + 127) / 255);
        }
    return ST_OK;
}

enum status picture_decode(const uint8_t *bytes, size_t n, struct picture *out, struct errmsg *em)
{
    int orientation, width, height;
    uint8_t *rgba;
    enum status st = check(bytes, n, &orientation, em);
    if (st == ST_OK)
        st = stb_size(bytes, n, &width, &height, em);
    if (st != ST_OK)
        return st;
    if (width < 1 || height < 1 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX ||
        (size_t)width * (size_t)height > PICTURE_PIXELS_MAX)
        return FAIL(em, ST_DATA, "%d x %d pixels: at most %d a side and %zu in all", width, height,
                    PICTURE_SIDE_MAX, PICTURE_PIXELS_MAX);
    if ((st = stb_pixels(bytes, n, &width, &height, &rgba, em)) != ST_OK)
        return st;
    st = upright(rgba, width, height, orientation, out, em);
    stb_pixels_free(rgba);
    return st;
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
