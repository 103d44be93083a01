/*
 * Gaussian blur with a width for each picture of the batch: rows, then columns. Each is a sum of
 * shifted pictures, times a weight for each picture. So a picture's bits do not depend on the
 * others in its batch. Weights are data but shifts are not, so a recorded pass can be replayed.
 * Pictures are reflected at their edges.
 */
#include <math.h>
#include <stdlib.h>

#include "augment_priv.h"
#include "shim/shim.h"

#include "base/poison.h"

/* Largest standard deviation of the narrow and the wide kernel, as a share of the picture's
 * width. */
static const float narrow = 1.0f / 128.0f, wide = 1.0f / 32.0f;

bool augment_blur_is_wide(const struct augment_draw *d)
{
    return d->blur > narrow;
}

/* Radius of the kernel in pixels. */
static int reach(double blur, int size)
{
    int pixels = (int)ceil(3.0 * blur * size);
    return pixels < size - 1 ? pixels : size - 1;
}

/* weights[i * stride]: the weight of pixels at distance i, for one picture. The kernel sums to
 * 1. */
static void gaussian(double blur, int size, float *weights, size_t stride)
{
    int end = reach(blur, size);
    double sigma = blur * size, sum = 1.0;
    for (int i = 1; i <= end; i++)
        sum += 2.0 * exp(-0.5 * i * i / (sigma * sigma));
    weights[0] = (float)(1.0 / sum);
    for (int i = 1; i <= end; i++)
        weights[(size_t)i * stride] = (float)(exp(-0.5 * i * i / (sigma * sigma)) / sum);
}

/* All pictures' weights (radius + 1, n, 1, 1); 0 beyond a picture's own radius. */
static struct shim_tensor *upload_weights(struct augment_work *w, int radius)
{
    const int64_t dims[] = {radius + 1, (int64_t)w->n, 1, 1};
    float *weights = calloc(((size_t)radius + 1) * w->n, sizeof *weights);
    struct shim_tensor *t = NULL;
    for (size_t i = 0; i < w->n && weights; i++)
        gaussian((double)w->draws[i].blur, w->size, weights + i, w->n);
    if (weights)
        t = shim_from_memory(w->s, SHIM_F32, weights, 4, dims);
    free(weights);
    return t;
}

/* x with `radius` more rows or columns at both ends of dimension dim. */
static struct shim_tensor *reflect(struct shim_scope *s, struct shim_tensor *x, int dim, int size,
                                   int radius)
{
    struct shim_tensor *const parts[] = {
        shim_flip(s, shim_narrow(s, x, dim, 1, radius), dim), x,
        shim_flip(s, shim_narrow(s, x, dim, size - 1 - radius, radius), dim)};
    return shim_cat(s, parts, 3, dim);
}

static struct shim_tensor *along(struct augment_work *w, struct shim_tensor *x, int dim,
                                 struct shim_tensor *weights, int radius)
{
    struct shim_scope *s = w->s;
    const int64_t each[] = {(int64_t)w->n, 1, 1, 1};
    struct shim_tensor *padded = reflect(s, x, dim, w->size, radius), *sum = NULL;
    for (int i = 0; i <= radius; i++) {
        struct shim_tensor *there = shim_narrow(s, padded, dim, radius + i, w->size);
        if (i > 0)
            there = shim_add(s, there, shim_narrow(s, padded, dim, radius - i, w->size));
        struct shim_tensor *weight = shim_reshape(s, shim_narrow(s, weights, 0, i, 1), 4, each);
        struct shim_tensor *term = shim_mul(s, there, weight);
        sum = i == 0 ? term : shim_add(s, sum, term);
    }
    return sum;
}

void augment_blur(struct augment_work *w)
{
    float most = narrow;
    for (size_t i = 0; i < w->n; i++)
        if (augment_blur_is_wide(&w->draws[i]))
            most = wide;
    int radius = reach((double)most, w->size);
    struct shim_tensor *weights = upload_weights(w, radius);
    struct shim_tensor *rows = along(w, w->input.images, 3, weights, radius);
    w->input.images = along(w, rows, 2, weights, radius);
}
