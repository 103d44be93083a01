#include "model/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "augment_priv.h"
#include "shim/shim.h"

#include "base/poison.h"

enum { POINTS = AUGMENT_GRID };

/* ---- Which operations a draw asks for -------------------------------------------------------- */

/* Does a value differ from `from`? -0 equals 0. */
static bool differs(const float *values, size_t n, float from)
{
    for (size_t i = 0; i < n; i++)
        if (values[i] != from)
            return true;
    return false;
}

static bool wants_place(const struct augment_draw *d)
{
    return d->flip || d->rotate != 0.0f || d->zoom != 1.0f || d->shift_x != 0.0f ||
           d->shift_y != 0.0f;
}

static bool wants_warp(const struct augment_draw *d)
{
    return differs(&d->warp[0][0][0], (size_t)2 * POINTS * POINTS, 0.0f);
}

static bool wants_transfer(const struct augment_draw *d)
{
    return d->colour_transfer != 0.0f;
}

static bool wants_surroundings(const struct augment_draw *d)
{
    return d->surroundings;
}

static bool wants_blur(const struct augment_draw *d)
{
    return d->blur > 0.0f;
}

static bool wants_jitter(const struct augment_draw *d)
{
    return differs(d->gain, AUGMENT_CHANNELS, 1.0f) || differs(d->offset, AUGMENT_CHANNELS, 0.0f);
}

static bool wants_noise(const struct augment_draw *d)
{
    return d->noise > 0.0f;
}

static bool wants_back_translation(const struct augment_draw *d)
{
    return d->back_translation;
}

/* ---- Where pixels come from ------------------------------------------------------------------ */

/* The inverse of flip, rotate, zoom, shift in that order: target to stored coordinates. */
static void placement(const struct augment_draw *d, float theta[2][3])
{
    float c = cosf(d->rotate) / d->zoom, s = sinf(d->rotate) / d->zoom;
    float mirror = d->flip ? -1.0f : 1.0f;
    theta[0][0] = mirror * c; /* y points down: counter-clockwise turns x towards -y */
    theta[0][1] = mirror * -s;
    theta[0][2] = mirror * (s * d->shift_y - c * d->shift_x);
    theta[1][0] = s;
    theta[1][1] = c;
    theta[1][2] = -s * d->shift_x - c * d->shift_y;
}

struct shim_tensor *augment_upload(const struct augment_work *w,
                                   void (*get)(const struct augment_draw *d, float *out),
                                   size_t n_dims, const int64_t dims[])
{
    size_t each = 1;
    for (size_t i = 1; i < n_dims; i++)
        each *= (size_t)dims[i];
    float *values = calloc(w->n, each * sizeof *values);
    struct shim_tensor *t = NULL;
    if (values) {
        for (size_t i = 0; i < w->n; i++)
            get(&w->draws[i], values + i * each);
        t = shim_from_memory(w->s, SHIM_F32, values, n_dims, dims);
    }
    free(values);
    return t; /* NULL makes the next operation fail in the scope */
}

struct shim_tensor *augment_upload_one(const struct augment_work *w,
                                       void (*get)(const struct augment_draw *d, float *out))
{
    const int64_t dims[] = {(int64_t)w->n, 1, 1, 1};
    return augment_upload(w, get, 4, dims);
}

static void get_placement(const struct augment_draw *d, float *out)
{
    float theta[2][3];
    placement(d, theta);
    memcpy(out, theta, sizeof theta);
}

/* (2, 5, 5): the axis comes first, as channels do */
static void get_warp(const struct augment_draw *d, float *out)
{
    for (int axis = 0; axis < 2; axis++)
        for (int y = 0; y < POINTS; y++)
            for (int x = 0; x < POINTS; x++)
                *out++ = d->warp[y][x][axis];
}

/* Samples pictures, masks and priorities in one pass, as channels of one tensor. */
static struct samples sample(struct shim_scope *s, struct shim_tensor *grid, struct samples from)
{
    struct shim_tensor *parts[3] = {from.images};
    size_t n = 1;
    if (from.masks)
        parts[n++] = from.masks;
    if (from.priority)
        parts[n++] = from.priority;
    if (n == 1)
        return (struct samples){.images = shim_grid_sample(s, from.images, grid)};
    struct shim_tensor *all = shim_grid_sample(s, shim_cat(s, parts, n, 1), grid);
    int64_t at = AUGMENT_CHANNELS;
    struct samples to = {.images = shim_narrow(s, all, 1, 0, AUGMENT_CHANNELS)};
    if (from.masks)
        to.masks = shim_narrow(s, all, 1, at++, 1);
    if (from.priority)
        to.priority = shim_narrow(s, all, 1, at, 1);
    return to;
}

static void make_grid(struct augment_work *w)
{
    const int64_t dims[] = {(int64_t)w->n, 2, 3};
    if (!w->place)
        w->place =
            shim_affine_grid(w->s, augment_upload(w, get_placement, 3, dims), w->size, w->size);
}

static void place(struct augment_work *w)
{
    make_grid(w);
    w->target = w->input = sample(w->s, w->place, w->own);
}

static void warp(struct augment_work *w)
{
    const int64_t dims[] = {(int64_t)w->n, 2, POINTS, POINTS}, order[] = {0, 2, 3, 1};
    make_grid(w);
    struct shim_tensor *points = augment_upload(w, get_warp, 4, dims);
    struct shim_tensor *smooth =
        shim_interpolate(w->s, points, w->size, w->size, SHIM_BICUBIC, true);
    struct shim_tensor *grid = shim_add(w->s, w->place, shim_permute(w->s, smooth, 4, order));
    w->input = sample(w->s, grid, w->own);
}

/* ---- The table ------------------------------------------------------------------------------- */

static void do_nothing(struct augment_work *w)
{
    (void)w;
}

/* In the order of application; a row's number is its bit in augment_operations. */
static const struct {
    bool (*wants)(const struct augment_draw *d);
    void (*apply)(struct augment_work *w);
} rows[] = {
    {wants_place,            place           },
    {wants_warp,             warp            },
    {wants_transfer,         augment_transfer},
    {wants_surroundings,     augment_place_in},
    {wants_blur,             augment_blur    },
    {augment_blur_is_wide,   do_nothing      }, /* a bit only: augment_blur checks it itself */
    {wants_jitter,           augment_jitter  },
    {wants_noise,            augment_noise   },
    {wants_back_translation,
     do_nothing                              }, /* a bit only: back_translate does it, because it needs the network */
};
enum { ROWS = sizeof rows / sizeof *rows };

unsigned augment_operations(const struct augment_draw *draws, size_t n)
{
    unsigned bits = 0;
    for (size_t i = 0; i < n && draws; i++)
        for (unsigned r = 0; r < ROWS; r++)
            bits |= (unsigned)rows[r].wants(&draws[i]) << r;
    return bits;
}

struct augmented augment_apply(struct shim_scope *s, const struct augment_draw *draws, size_t n,
                               int image_size, struct samples own, struct samples other,
                               const struct augment_colours *own_colours,
                               const struct augment_colours *other_colours)
{
    struct augment_work w = {
        .s = s,
        .draws = draws,
        .n = n,
        .size = image_size,
        .own = own,
        .other = other,
        .own_colours = own_colours,
        .other_colours = other_colours,
        .target = own,
        .input = own,
    };
    unsigned bits = augment_operations(draws, n);
    for (unsigned r = 0; r < ROWS; r++)
        if (bits >> r & 1)
            rows[r].apply(&w);
    return (struct augmented){w.input, w.target};
}
