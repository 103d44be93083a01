#include "data/picture.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"

#include "base/poison.h"

enum status picture_init(struct picture *out, int width, int height, struct errmsg *em)
{
    size_t pixels, bytes;
    if (width < 1 || height < 1 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX ||
        !checked_mul((size_t)width, (size_t)height, &pixels) || !checked_mul(pixels, 3, &bytes))
        return FAIL(em, ST_DATA, "%d x %d pixels: sides from 1 to %d are possible", width, height,
                    PICTURE_SIDE_MAX);
    uint8_t *rgb = calloc(bytes, 1);
    if (!rgb)
        return FAIL(em, ST_MEMORY, "out of memory for a picture of %d x %d", width, height);
    *out = (struct picture){.width = width, .height = height, .rgb = rgb};
    return ST_OK;
}

void picture_release(struct picture *p)
{
    free(p->rgb);
    *p = (struct picture){0};
}

static uint8_t *pixel_at(const struct picture *p, int x, int y)
{
    return p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
}

enum status picture_crop_square(const struct picture *in, struct picture *out, struct errmsg *em)
{
    int side = MIN(in->width, in->height);
    enum status st = picture_init(out, side, side, em);
    if (st == ST_OK)
        picture_paste(out, in, -((in->width - side) / 2), -((in->height - side) / 2));
    return st;
}

enum status picture_resize(const struct picture *in, int width, int height, struct picture *out,
                           struct errmsg *em)
{
    struct picture resized;
    enum status st = picture_init(&resized, width, height, em);
    if (st != ST_OK)
        return st;
    st = picture_resize_bytes(in->rgb, in->width, in->height, 3, resized.rgb, width, height, em);
    if (st != ST_OK)
        picture_release(&resized);
    else
        *out = resized;
    return st;
}

void picture_fill(struct picture *p, uint8_t r, uint8_t g, uint8_t b)
{
    size_t pixels = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; i < pixels; i++) {
        p->rgb[3 * i] = r;
        p->rgb[3 * i + 1] = g;
        p->rgb[3 * i + 2] = b;
    }
}

void picture_paste(struct picture *dst, const struct picture *src, int x, int y)
{
    /* 64 bits: x + width may pass INT_MAX */
    int64_t left = MAX(x, 0), right = MIN((int64_t)x + src->width, dst->width);
    int64_t top = MAX(y, 0), bottom = MIN((int64_t)y + src->height, dst->height);
    if (left >= right)
        return;
    for (int64_t row = top; row < bottom; row++)
        memcpy(pixel_at(dst, (int)left, (int)row), pixel_at(src, (int)(left - x), (int)(row - y)),
               (size_t)(right - left) * 3);
}
