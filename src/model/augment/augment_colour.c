/* Operations on colours: colour transfer (in RGB or L*a*b*), surroundings, jitter, noise. */
#include <string.h>

#include "augment_priv.h"
#include "base/lab.h"
#include "shim/shim.h"

#include "base/poison.h"

/* (1, 3, 1, 1) */
static struct shim_tensor *per_channel(struct shim_scope *s, const float values[AUGMENT_CHANNELS])
{
    const int64_t dims[] = {1, AUGMENT_CHANNELS, 1, 1};
    return shim_from_memory(s, SHIM_F32, values, 4, dims);
}

/* Clamps the input to [0, 1]. */
static void clamp_input(struct augment_work *w)
{
    w->input.images = shim_clamp(w->s, w->input.images, 0.0, 1.0);
}

/* ---- L*a*b* ---------------------------------------------------------------------------------- */

/* above where x > limit, else below */
static struct shim_tensor *split_at(struct shim_scope *s, struct shim_tensor *x, double limit,
                                    struct shim_tensor *above, struct shim_tensor *below)
{
    return shim_where(s, shim_greater(s, x, limit), above, below);
}

/* Each channel of the result is a weighted sum of x's. */
static struct shim_tensor *mix(struct shim_scope *s, struct shim_tensor *x,
                               const double weights[AUGMENT_CHANNELS][AUGMENT_CHANNELS])
{
    struct shim_tensor *parts[AUGMENT_CHANNELS], *sums[AUGMENT_CHANNELS];
    for (int c = 0; c < AUGMENT_CHANNELS; c++)
        parts[c] = shim_narrow(s, x, 1, c, 1);
    for (int i = 0; i < AUGMENT_CHANNELS; i++) {
        sums[i] = shim_affine(s, parts[0], weights[i][0], 0.0);
        for (int c = 1; c < AUGMENT_CHANNELS; c++)
            sums[i] = shim_add(s, sums[i], shim_affine(s, parts[c], weights[i][c], 0.0));
    }
    return shim_cat(s, sums, AUGMENT_CHANNELS, 1);
}

/* L, a and b are differences of X, Y, Z after compression, L with an offset. */
static const double differences[3][3] = {
    {0.0, 1.16, 0.0 },
    {5.0, -5.0, 0.0 },
    {0.0, 2.0,  -2.0}
};
static const double differences_inverse[3][3] = {
    {1.0 / 1.16, 0.2, 0.0 },
    {1.0 / 1.16, 0.0, 0.0 },
    {1.0 / 1.16, 0.0, -0.5}
};
static const float darkest[3] = {0.16f, 0.0f, 0.0f};

struct shim_tensor *augment_to_lab(struct shim_scope *s, struct shim_tensor *rgb)
{
    struct shim_tensor *power = shim_pow(s, shim_affine(s, rgb, 1.0 / 1.055, 0.055 / 1.055), 2.4);
    struct shim_tensor *linear =
        split_at(s, rgb, 0.04045, power, shim_affine(s, rgb, 1.0 / 12.92, 0.0));
    struct shim_tensor *xyz = mix(s, linear, lab_from_linear);
    struct shim_tensor *f = split_at(s, xyz, 216.0 / 24389.0, shim_pow(s, xyz, 1.0 / 3.0),
                                     shim_affine(s, xyz, 24389.0 / 27.0 / 116.0, 16.0 / 116.0));
    return shim_sub(s, mix(s, f, differences), per_channel(s, darkest));
}

struct shim_tensor *augment_from_lab(struct shim_scope *s, struct shim_tensor *lab)
{
    struct shim_tensor *f = mix(s, shim_add(s, lab, per_channel(s, darkest)), differences_inverse);
    struct shim_tensor *cube = shim_mul(s, shim_mul(s, f, f), f);
    struct shim_tensor *xyz =
        split_at(s, f, 6.0 / 29.0, cube,
                 shim_affine(s, f, 116.0 * 27.0 / 24389.0, -16.0 * 27.0 / 24389.0));
    struct shim_tensor *linear = shim_clamp(s, mix(s, xyz, lab_to_linear), 0.0, 1.0);
    return split_at(s, linear, 0.0031308,
                    shim_affine(s, shim_pow(s, linear, 1.0 / 2.4), 1.055, -0.055),
                    shim_affine(s, linear, 12.92, 0.0));
}

/* ---- Colours and surroundings of the other person -------------------------------------------- */

static bool colours_known(const struct augment_colours *c)
{
    return c && c->deviation[0] > 0.0f && c->deviation[1] > 0.0f && c->deviation[2] > 0.0f;
}

static void get_transfer(const struct augment_draw *d, float *out)
{
    *out = d->colour_transfer;
}

/* (x - own mean) * other deviation / own deviation + other mean - x, in the space of both */
static struct shim_tensor *change_of(struct augment_work *w, struct shim_tensor *x)
{
    const struct augment_colours *own = w->own_colours, *other = w->other_colours;
    float slope[AUGMENT_CHANNELS], constant[AUGMENT_CHANNELS]; /* slope * x + constant */
    for (int c = 0; c < AUGMENT_CHANNELS; c++) {
        slope[c] = other->deviation[c] / own->deviation[c] - 1.0f;
        constant[c] = other->mean[c] - own->mean[c] * (slope[c] + 1.0f);
    }
    return shim_add(w->s, shim_mul(w->s, x, per_channel(w->s, slope)), per_channel(w->s, constant));
}

/* x + share * mask * change, in RGB */
void augment_transfer(struct augment_work *w)
{
    struct shim_scope *s = w->s;
    struct shim_tensor *x = w->input.images, *change;
    if (!colours_known(w->own_colours) || !colours_known(w->other_colours) ||
        w->own_colours->space != w->other_colours->space)
        return;
    if (w->own_colours->space == AUGMENT_LAB) {
        struct shim_tensor *lab = augment_to_lab(s, x);
        change = shim_sub(s, augment_from_lab(s, shim_add(s, lab, change_of(w, lab))), x);
    } else {
        change = change_of(w, x);
    }
    struct shim_tensor *share = augment_upload_one(w, get_transfer);
    if (w->input.masks)
        share = shim_mul(s, share, w->input.masks);
    w->input.images = shim_add(s, x, shim_mul(s, change, share));
    clamp_input(w);
}

static void get_surroundings(const struct augment_draw *d, float *out)
{
    *out = d->surroundings ? 1.0f : 0.0f;
}

/* The input inside its mask and the other picture outside, where drawn. */
void augment_place_in(struct augment_work *w)
{
    struct shim_scope *s = w->s;
    struct shim_tensor *x = w->input.images;
    if (!w->input.masks || !w->other.images)
        return;
    struct shim_tensor *outside = shim_mul(s, augment_upload_one(w, get_surroundings),
                                           shim_affine(s, w->input.masks, -1.0, 1.0));
    w->input.images = shim_add(s, x, shim_mul(s, outside, shim_sub(s, w->other.images, x)));
}

/* ---- Jitter and noise ------------------------------------------------------------------------ */

static void get_gain(const struct augment_draw *d, float *out)
{
    memcpy(out, d->gain, sizeof d->gain);
}

static void get_offset(const struct augment_draw *d, float *out)
{
    memcpy(out, d->offset, sizeof d->offset);
}

void augment_jitter(struct augment_work *w)
{
    const int64_t dims[] = {(int64_t)w->n, AUGMENT_CHANNELS, 1, 1};
    struct shim_tensor *x = shim_mul(w->s, w->input.images, augment_upload(w, get_gain, 4, dims));
    w->input.images = shim_add(w->s, x, augment_upload(w, get_offset, 4, dims));
    clamp_input(w);
}

static void get_noise(const struct augment_draw *d, float *out)
{
    *out = d->noise;
}

void augment_noise(struct augment_work *w)
{
    if (!w->own.noise)
        return;
    struct shim_tensor *noise = shim_mul(w->s, w->own.noise, augment_upload_one(w, get_noise));
    w->input.images = shim_add(w->s, w->input.images, noise);
    clamp_input(w);
}
