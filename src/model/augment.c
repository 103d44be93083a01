#include "model/augment.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/shim.h"

#include "base/poison.h"

enum { CHANNELS = 3, POINTS = AUGMENT_GRID };

/* What at least one draw of a batch asks for. */
struct wanted {
    bool place, warp, transfer, surroundings, jitter, back_translation;
};

static struct wanted find_wanted(const struct augment_draw *draws, size_t n)
{
    static const float still[POINTS][POINTS][2];
    static const float gain[CHANNELS] = {1.0f, 1.0f, 1.0f}, offset[CHANNELS];
    struct wanted w = {0};
    for (size_t i = 0; i < n && draws; i++) {
        const struct augment_draw *d = &draws[i];
        w.place = w.place || d->flip || d->rotate != 0.0f || d->zoom != 1.0f ||
                  d->shift_x != 0.0f || d->shift_y != 0.0f;
        w.warp = w.warp || memcmp(d->warp, still, sizeof still) != 0;
        w.transfer = w.transfer || d->colour_transfer != 0.0f;
        w.surroundings = w.surroundings || d->surroundings;
        w.back_translation = w.back_translation || d->back_translation;
        w.jitter = w.jitter || memcmp(d->gain, gain, sizeof gain) != 0 ||
                   memcmp(d->offset, offset, sizeof offset) != 0;
    }
    return w;
}

unsigned augment_operations(const struct augment_draw *draws, size_t n)
{
    struct wanted w = find_wanted(draws, n);
    return (unsigned)w.place | (unsigned)w.warp << 1 | (unsigned)w.transfer << 2 |
           (unsigned)w.surroundings << 3 | (unsigned)w.jitter << 4 |
           (unsigned)w.back_translation << 5;
}

/* Where a pixel of the result comes from: the inverse of flip, rotate, zoom, shift in that order.
 */
static void placement(const struct augment_draw *d, float theta[2][3])
{
    float c = cosf(d->rotate) / d->zoom, s = sinf(d->rotate) / d->zoom;
    float mirror = d->flip ? -1.0f : 1.0f;
    theta[0][0] = mirror * c; /* y points down: counter-clockwise is from x to -y */
    theta[0][1] = mirror * -s;
    theta[0][2] = mirror * (s * d->shift_y - c * d->shift_x);
    theta[1][0] = s;
    theta[1][1] = c;
    theta[1][2] = -s * d->shift_x - c * d->shift_y;
}

/* One number a draw and index, as a tensor (n, dims...): `get` picks them. Lives in the scope. */
static struct shim_tensor *upload(struct shim_scope *s, const struct augment_draw *draws, size_t n,
                                  void (*get)(const struct augment_draw *d, float *out),
                                  size_t n_dims, const int64_t dims[])
{
    size_t each = 1;
    for (size_t i = 1; i < n_dims; i++)
        each *= (size_t)dims[i];
    float *values = calloc(n, each * sizeof *values);
    struct shim_tensor *t = NULL;
    if (values) {
        for (size_t i = 0; i < n; i++)
            get(&draws[i], values + i * each);
        t = shim_from_memory(s, SHIM_F32, values, n_dims, dims);
    }
    free(values);
    return t; /* NULL makes the next operation fail in the scope */
}

static void get_placement(const struct augment_draw *d, float *out)
{
    float theta[2][3];
    placement(d, theta);
    memcpy(out, theta, sizeof theta);
}

/* (2, 5, 5): the grid's axis comes first, to be interpolated like channels */
static void get_warp(const struct augment_draw *d, float *out)
{
    for (int axis = 0; axis < 2; axis++)
        for (int y = 0; y < POINTS; y++)
            for (int x = 0; x < POINTS; x++)
                *out++ = d->warp[y][x][axis];
}

static void get_transfer(const struct augment_draw *d, float *out)
{
    *out = d->colour_transfer;
}

static void get_surroundings(const struct augment_draw *d, float *out)
{
    *out = d->surroundings ? 1.0f : 0.0f;
}

static void get_gain(const struct augment_draw *d, float *out)
{
    memcpy(out, d->gain, sizeof d->gain);
}

static void get_offset(const struct augment_draw *d, float *out)
{
    memcpy(out, d->offset, sizeof d->offset);
}

static struct shim_tensor *place_grid(struct shim_scope *s, const struct augment_draw *draws,
                                      size_t n, int64_t size)
{
    const int64_t dims[] = {(int64_t)n, 2, 3};
    return shim_affine_grid(s, upload(s, draws, n, get_placement, 3, dims), size, size);
}

static struct shim_tensor *warp_grid(struct shim_scope *s, const struct augment_draw *draws,
                                     size_t n, int64_t size, struct shim_tensor *place)
{
    const int64_t dims[] = {(int64_t)n, 2, POINTS, POINTS}, order[] = {0, 2, 3, 1};
    struct shim_tensor *points = upload(s, draws, n, get_warp, 4, dims);
    struct shim_tensor *smooth = shim_interpolate(s, points, size, size, SHIM_BICUBIC, true);
    return shim_add(s, place, shim_permute(s, smooth, 4, order));
}

/* Pictures and masks in one pass, masks as a fourth channel. */
static struct augment_stored sample(struct shim_scope *s, struct shim_tensor *grid,
                                    struct augment_stored from)
{
    if (!from.masks)
        return (struct augment_stored){shim_grid_sample(s, from.images, grid), NULL};
    struct shim_tensor *const parts[] = {from.images, from.masks};
    struct shim_tensor *both = shim_grid_sample(s, shim_cat(s, parts, 2, 1), grid);
    return (struct augment_stored){shim_narrow(s, both, 1, 0, CHANNELS),
                                   shim_narrow(s, both, 1, CHANNELS, 1)};
}

/* (1, 3, 1, 1) */
static struct shim_tensor *per_channel(struct shim_scope *s, const float values[CHANNELS])
{
    const int64_t dims[] = {1, CHANNELS, 1, 1};
    return shim_from_memory(s, SHIM_F32, values, 4, dims);
}

/* x + share * mask * ((x - own mean) * other deviation / own deviation + other mean - x) */
static struct shim_tensor *transfer(struct shim_scope *s, struct augment_stored x,
                                    const struct augment_draw *draws, size_t n,
                                    const struct augment_colours *own,
                                    const struct augment_colours *other)
{
    const int64_t dims[] = {(int64_t)n, 1, 1, 1};
    float slope[CHANNELS], constant[CHANNELS]; /* of what is added: slope * x + constant */
    for (int c = 0; c < CHANNELS; c++) {
        slope[c] = other->deviation[c] / own->deviation[c] - 1.0f;
        constant[c] = other->mean[c] - own->mean[c] * (slope[c] + 1.0f);
    }
    struct shim_tensor *change =
        shim_add(s, shim_mul(s, x.images, per_channel(s, slope)), per_channel(s, constant));
    struct shim_tensor *share = upload(s, draws, n, get_transfer, 4, dims);
    if (x.masks)
        share = shim_mul(s, share, x.masks);
    return shim_add(s, x.images, shim_mul(s, change, share));
}

/* x inside its mask, the other picture outside, where drawn. */
static struct shim_tensor *place_in(struct shim_scope *s, struct augment_stored x,
                                    const struct augment_draw *draws, size_t n,
                                    struct shim_tensor *other)
{
    const int64_t dims[] = {(int64_t)n, 1, 1, 1};
    struct shim_tensor *share = upload(s, draws, n, get_surroundings, 4, dims);
    struct shim_tensor *outside = shim_mul(s, share, shim_affine(s, x.masks, -1.0, 1.0));
    return shim_add(s, x.images, shim_mul(s, outside, shim_sub(s, other, x.images)));
}

static bool colours_known(const struct augment_colours *c)
{
    return c && c->deviation[0] > 0.0f && c->deviation[1] > 0.0f && c->deviation[2] > 0.0f;
}

struct augment_result augment_apply(struct shim_scope *s, const struct augment_draw *draws,
                                    size_t n, int image_size, struct augment_stored own,
                                    struct augment_stored other,
                                    const struct augment_colours *own_colours,
                                    const struct augment_colours *other_colours)
{
    struct augment_stored target = own, input = own;
    struct wanted w = find_wanted(draws, n);
    if (w.place || w.warp) {
        struct shim_tensor *grid = place_grid(s, draws, n, image_size);
        if (w.place)
            target = input = sample(s, grid, own);
        if (w.warp)
            input = sample(s, warp_grid(s, draws, n, image_size, grid), own);
    }
    if (w.transfer && colours_known(own_colours) && colours_known(other_colours))
        input.images = transfer(s, input, draws, n, own_colours, other_colours);
    if (w.surroundings && input.masks && other.images)
        input.images = place_in(s, input, draws, n, other.images);
    struct augment_result r = {input.images, target.images, target.masks};
    if (w.jitter) {
        const int64_t dims[] = {(int64_t)n, CHANNELS, 1, 1};
        r.inputs = shim_mul(s, r.inputs, upload(s, draws, n, get_gain, 4, dims));
        r.inputs = shim_add(s, r.inputs, upload(s, draws, n, get_offset, 4, dims));
    }
    if (w.transfer || w.jitter)
        r.inputs = shim_clamp(s, r.inputs, 0.0, 1.0);
    return r;
}
