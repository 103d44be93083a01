#include "data/warp.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

void similarity_apply(const struct similarity *s, double x, double y, double out[2])
{
    if (s->mirrored)
        x = -x;
    out[0] = s->a * x - s->b * y + s->x0;
    out[1] = s->b * x + s->a * y + s->y0;
}

struct similarity similarity_inverse(const struct similarity *s)
{
    double square = s->a * s->a + s->b * s->b, a = s->a / square, b = -s->b / square;
    return (struct similarity){.a = a,
                               .b = b,
                               .x0 = -(a * s->x0 - b * s->y0),
                               .y0 = -(b * s->x0 + a * s->y0)};
}

double similarity_scale(const struct similarity *s)
{
    return hypot(s->a, s->b);
}

/* Halves the picture by means of 2 x 2 pixels; an odd last row or column counts twice. */
static enum status halve(const struct picture *in, struct picture *out, struct errmsg *em)
{
    enum status st = picture_init(out, (in->width + 1) / 2, (in->height + 1) / 2, em);
    if (st != ST_OK)
        return st;
    for (int y = 0; y < out->height; y++) {
        const uint8_t *above = in->rgb + (size_t)(2 * y) * (size_t)in->width * 3;
        const uint8_t *below =
            in->rgb + (size_t)MIN(2 * y + 1, in->height - 1) * (size_t)in->width * 3;
        uint8_t *to = out->rgb + (size_t)y * (size_t)out->width * 3;
        for (int x = 0; x < out->width; x++) {
            int left = 6 * x, right = 3 * MIN(2 * x + 1, in->width - 1);
            for (int c = 0; c < 3; c++)
                to[3 * x + c] = (uint8_t)((above[left + c] + above[right + c] + below[left + c] +
                                           below[right + c] + 2) /
                                          4);
        }
    }
    return ST_OK;
}

enum status pyramid_init(struct pyramid *out, const struct picture *picture, struct errmsg *em)
{
    struct pyramid p = {.n = 1, .levels = {*picture}};
    enum status st = ST_OK;
    while (st == ST_OK && p.n < PYRAMID_LEVELS_MAX &&
           MIN(p.levels[p.n - 1].width, p.levels[p.n - 1].height) > 1) {
        st = halve(&p.levels[p.n - 1], &p.levels[p.n], em);
        p.n += st == ST_OK;
    }
    if (st == ST_OK)
        *out = p;
    else
        pyramid_release(&p);
    return st;
}

void pyramid_release(struct pyramid *p)
{
    for (int i = 1; i < p->n; i++)
        picture_release(&p->levels[i]);
    *p = (struct pyramid){0};
}

/* Adds the picture's bilinear value at (x, y), times weight, to sum. */
static inline void add_at(const struct picture *p, double x, double y, float weight, float sum[3])
{
    x = MIN(MAX(x, 0.0), (double)(p->width - 1));
    y = MIN(MAX(y, 0.0), (double)(p->height - 1));
    int left = (int)x, top = (int)y;
    int right = MIN(left + 1, p->width - 1), bottom = MIN(top + 1, p->height - 1);
    float u = (float)(x - left), v = (float)(y - top);
    const uint8_t *above = p->rgb + (size_t)top * (size_t)p->width * 3;
    const uint8_t *below = p->rgb + (size_t)bottom * (size_t)p->width * 3;
    for (int c = 0; c < 3; c++) {
        float a = (float)above[3 * left + c], b = (float)above[3 * right + c];
        float d = (float)below[3 * left + c], e = (float)below[3 * right + c];
        float upper = a + u * (b - a), lower = d + u * (e - d);
        sum[c] += weight * (upper + v * (lower - upper));
    }
}

void pyramid_sample(const struct pyramid *p, const struct similarity *map, int width, int height,
                    float *out)
{
    double pixels = similarity_scale(map),
           shrunk = 1; /* pixels of the picture for one pixel of out */
    int level = 0;
    while (level + 1 < p->n && pixels / shrunk >= 2) {
        level++;
        shrunk *= 2;
    }
    int parts =
        pixels / shrunk > 1.1 ? 2 : 1; /* if the scale is between two levels, take more samples */
    float weight = 1.0F / (float)(parts * parts);
    /* the same map, in pixels of this level */
    double a = map->a / shrunk, b = map->b / shrunk, sign = map->mirrored ? -1 : 1;
    double x0 = (map->x0 + 0.5) / shrunk - 0.5, y0 = (map->y0 + 0.5) / shrunk - 0.5;
    memset(out, 0, (size_t)width * (size_t)height * 3 * sizeof *out);
    for (int y = 0; y < height; y++)
        for (int k = 0; k < parts * parts; k++) {
            double u = (2 * (k % parts) + 1 - parts) / (2.0 * parts);
            double v = y + (2 * (k / parts) + 1 - parts) / (2.0 * parts);
            float *to = out + (size_t)y * (size_t)width * 3;
            for (int x = 0; x < width; x++, to += 3) {
                double across = sign * (x + u);
                add_at(&p->levels[level], a * across - b * v + x0, b * across + a * v + y0, weight,
                       to);
            }
        }
}
