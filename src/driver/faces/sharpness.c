#include "sharpness.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "data/picture.h"
#include "shape.h"

#include "base/poison.h"

enum { SIDE = 128 };

struct work {
    float sampled[SIDE * SIDE * 3];
    uint8_t rgb[SIDE * SIDE * 3], mask[SIDE * SIDE];
};

enum status sharpness_of(const struct pyramid *picture, const struct face *face, double *out,
                         struct errmsg *em)
{
    struct work *w = malloc(sizeof *w);
    struct similarity map = shape_cut(face, SHAPE_FACE, SIDE);
    if (!w)
        return FAIL(em, ST_MEMORY, "out of memory");
    pyramid_sample(picture, &map, SIDE, SIDE, w->sampled);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        w->rgb[i] = (uint8_t)lrintf(w->sampled[i]);
    shape_mask(face, &map, SIDE, w->mask);
    const struct picture cut = {.width = SIDE, .height = SIDE, .rgb = w->rgb};
    *out = picture_sharpness(&cut, w->mask);
    free(w);
    return ST_OK;
}
