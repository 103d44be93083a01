#include "composite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "colour_match.h"

#include "base/poison.h"

/* Where the hull reaches the square's edge, the face fades out over this share of the square's
 * side. */
#define EDGE 0.04
/* Values of the decoder's mask up to the first are transparent, from the second on opaque. So the
 * picture's own face does not shine through where the decoder is unsure. */
#define LIMIT_FROM 0.25
#define LIMIT_TO   0.75

/* ---- Opacity --------------------------------------------------------------------------------- */

/* Rows from each pixel to the nearest one of its column that is outside the hull, at most `far`. */
static void measure_columns(const uint8_t *hull, int size, int far, int *rows)
{
    for (int x = 0; x < size; x++) {
        int run = far;
        for (int y = 0; y < size; y++) {
            int i = y * size + x;
            run = hull[i] ? MIN(run + 1, far) : 0;
            rows[i] = run;
        }
        run = far;
        for (int y = size; y-- > 0;) {
            int i = y * size + x;
            run = hull[i] ? MIN(run + 1, far) : 0;
            rows[i] = MIN(rows[i], run);
        }
    }
}

/* Euclidean distance from pixel x of a row to the nearest pixel outside the hull, at most `far`. */
static double distance_in_row(const int *rows, int size, int x, int far)
{
    int least = far * far;
    for (int u = MAX(x - far, 0); u <= MIN(x + far, size - 1); u++)
        least = MIN(least, (x - u) * (x - u) + rows[u] * rows[u]);
    return sqrt(least);
}

static double smooth(double share)
{
    double t = MIN(MAX(share, 0.0), 1.0);
    return t * t * (3 - 2 * t);
}

/* From 0 (transparent) to 255. The square's edge is transparent, also where the hull reaches it. */
static enum status make_opacity(const struct composite_face *f, const struct composite_options *o,
                                struct picture *out, struct errmsg *em)
{
    double erode = o->erode * f->side, feather = MAX(o->feather * f->side, 1.0);
    int size = f->size, far = (int)ceil(erode + feather) + 1;
    int *rows = malloc((size_t)size * (size_t)size * sizeof *rows);
    enum status st =
        rows ? picture_init(out, size, size, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st != ST_OK)
        goto out;
    measure_columns(f->hull, size, far, rows);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            ptrdiff_t row = (ptrdiff_t)y * size;
            int edge = MIN(MIN(x, y), size - 1 - MAX(x, y));
            double inside = distance_in_row(rows + row, size, x, far) - erode;
            double share = smooth(inside / feather) * smooth(edge / (EDGE * size));
            if (f->limit)
                share *= smooth((f->limit[row + x] / 255.0 - LIMIT_FROM) / (LIMIT_TO - LIMIT_FROM));
            memset(out->rgb + (row + x) * 3, (int)lrint(255 * share), 3);
        }
out:
    free(rows);
    return st;
}

/* ---- Blending -------------------------------------------------------------------------------- */

/* The part of the picture that the square covers. */
static struct picture_box box_of(const struct picture *picture, const struct composite_face *f)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY}, at[2];
    for (int corner = 0; corner < 4; corner++) {
        similarity_apply(f->cut, corner % 2 ? f->size : -1, corner / 2 ? f->size : -1, at);
        for (int k = 0; k < 2; k++) {
            low[k] = MIN(low[k], at[k]);
            high[k] = MAX(high[k], at[k]);
        }
    }
    return (struct picture_box){
        .left = (int)MIN(MAX(floor(low[0]), 0.0), picture->width),
        .top = (int)MIN(MAX(floor(low[1]), 0.0), picture->height),
        .right = (int)MIN(MAX(ceil(high[0]) + 1, 0.0), picture->width),
        .bottom = (int)MIN(MAX(ceil(high[1]) + 1, 0.0), picture->height),
    };
}

/* Samples a square picture over a row of the picture that begins at (left, y). */
static void sample_row(const struct pyramid *p, const struct similarity *to_cut, int left, int y,
                       int width, float *out)
{
    struct similarity map = *to_cut;
    double at[2];
    similarity_apply(to_cut, left, y, at);
    map.x0 = at[0];
    map.y0 = at[1];
    pyramid_sample(p, &map, width, 1, out);
}

static void blend(struct picture *picture, const struct composite_face *f,
                  const struct pyramid *face, const struct pyramid *opacity, float *rows)
{
    struct similarity to_cut = similarity_inverse(f->cut);
    struct picture_box box = box_of(picture, f);
    int wide = box.right - box.left;
    float *colours = rows, *shares = rows + (size_t)picture->width * 3;
    for (int y = box.top; y < box.bottom && wide > 0; y++) {
        uint8_t *to = picture->rgb + ((size_t)y * (size_t)picture->width + (size_t)box.left) * 3;
        sample_row(opacity, &to_cut, box.left, y, wide, shares);
        sample_row(face, &to_cut, box.left, y, wide, colours);
        for (int i = 0; i < 3 * wide; i++) {
            float share = shares[i] / 255;
            to[i] = (uint8_t)lrintf((float)to[i] + share * (colours[i] - (float)to[i]));
        }
    }
}

enum status composite(struct picture *picture, const struct composite_face *f,
                      const struct composite_options *o, struct errmsg *em)
{
    struct picture opacity = {0},
                   decoded = {.width = f->size, .height = f->size, .rgb = f->decoded};
    struct pyramid of_opacity = {0}, of_face = {0};
    float *rows = malloc((size_t)picture->width * 6 * sizeof *rows);
    enum status st = rows ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = make_opacity(f, o, &opacity, em);
    if (st == ST_OK && o->colour != COMPOSITE_NONE)
        colour_match(f->decoded, f->source, opacity.rgb, (size_t)f->size * (size_t)f->size,
                     o->colour == COMPOSITE_LAB);
    if (st == ST_OK)
        st = pyramid_init(&of_face, &decoded, em);
    if (st == ST_OK)
        st = pyramid_init(&of_opacity, &opacity, em);
    if (st == ST_OK)
        blend(picture, f, &of_face, &of_opacity, rows);
    pyramid_release(&of_opacity);
    pyramid_release(&of_face);
    picture_release(&opacity);
    free(rows);
    return st;
}
