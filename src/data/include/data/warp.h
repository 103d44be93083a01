/*
 * Samples a picture through a similarity map, for cuts that are turned, scaled and shifted, without
 * aliasing.
 *
 *     struct pyramid p;
 *     if ((st = pyramid_init(&p, &picture, &em)) != ST_OK)
 *         return st;
 *     pyramid_sample(&p, &map, 192, 192, cut);     // float cut[192 * 192 * 3]
 *     pyramid_release(&p);
 *
 * x points right, y down, at pixel centres.
 */
#ifndef BIFRONS_DATA_WARP_H
#define BIFRONS_DATA_WARP_H

#include "data/picture.h"

/* Maps (x, y) to (a x - b y + x0, b x + a y + y0); mirrored: first x becomes -x. */
struct similarity {
    double a, b, x0, y0;
    bool mirrored;
};

void similarity_apply(const struct similarity *s, double x, double y, double out[2]);
/* The inverse of a map that is not mirrored and whose scale is not 0. */
struct similarity similarity_inverse(const struct similarity *s);
double similarity_scale(const struct similarity *s);

enum { PYRAMID_LEVELS_MAX = 12 };

/* The picture (borrowed: it must outlive the pyramid) and copies of half the size, a quarter, … */
struct pyramid {
    int n;
    struct picture levels[PYRAMID_LEVELS_MAX]; /* level 0 is borrowed */
};

enum status pyramid_init(struct pyramid *out, const struct picture *picture,
                         struct errmsg *em) MUST_CHECK;
void pyramid_release(struct pyramid *p);
/* out: (height, width, 3), 0 to 255; its pixel (x, y) is the picture at map(x, y). Outside of the
 * picture: its nearest pixel. */
void pyramid_sample(const struct pyramid *p, const struct similarity *map, int width, int height,
                    float *out);

#endif
