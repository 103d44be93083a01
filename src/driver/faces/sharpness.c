#include "sharpness.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "shape.h"

#include "base/poison.h"

enum { SIDE = 128 };

struct work {
    float rgb[SIDE * SIDE * 3], grey[SIDE * SIDE];
    uint8_t mask[SIDE * SIDE];
};

static double measure(const struct work *w)
{
    double n = 0, sum = 0, squares = 0, edges = 0;
    for (int y = 1; y < SIDE - 1; y++)
        for (int x = 1; x < SIDE - 1; x++) {
            const float *p = &w->grey[y * SIDE + x];
            if (!w->mask[y * SIDE + x])
                continue;
            double edge = (double)(p[-1] + p[1] + p[-SIDE] + p[SIDE] - 4 * p[0]);
            n++;
            sum += (double)p[0];
            squares += (double)p[0] * (double)p[0];
            edges += edge * edge;
        }
    double variance = n > 0 ? squares / n - sum / n * (sum / n) : 0;
    return variance > 0 ? sqrt(edges / n / variance) : 0;
}

enum status sharpness_of(const struct pyramid *picture, const struct face *face, double *out,
                         struct errmsg *em)
{
    struct work *w = malloc(sizeof *w);
    struct similarity map = shape_cut(face, SHAPE_FACE, SIDE);
    if (!w)
        return FAIL(em, ST_MEMORY, "out of memory");
    pyramid_sample(picture, &map, SIDE, SIDE, w->rgb);
    for (int i = 0; i < SIDE * SIDE; i++)
        w->grey[i] =
            0.299f * w->rgb[3 * i] + 0.587f * w->rgb[3 * i + 1] + 0.114f * w->rgb[3 * i + 2];
    shape_mask(face, &map, SIDE, w->mask);
    *out = measure(w);
    free(w);
    return ST_OK;
}
