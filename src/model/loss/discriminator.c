#include "discriminator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/philox.h"
#include "layers.h"

#include "base/poison.h"

enum { CHANNELS_MAX = 512, ANY_SIZE = 64 /* any picture size: parameters do not depend on it */ };

/* ---- Parameters ------------------------------------------------------------------------------ */

static size_t index_of(int person, int layer)
{
    return 2 * ((size_t)person * DISCRIMINATOR_LAYERS + (size_t)layer);
}

static void add_tensor(struct discriminators *d, size_t at, int n_dims, const int64_t *dims)
{
    struct model_tensor *t = &d->tensors[at];
    *t = (struct model_tensor){.name = d->names[at],
                               .n_dims = n_dims,
                               .offset = d->count,
                               .count = 1};
    for (int i = 0; i < n_dims; i++) {
        t->dims[i] = dims[i];
        t->count *= (size_t)dims[i];
    }
    d->count += t->count;
}

void discriminators_lay_out(struct discriminators *d)
{
    struct architecture_layer layers[DISCRIMINATOR_LAYERS];
    discriminator_layers(d->options.channels, ANY_SIZE, layers);
    for (int person = 0; person < MODEL_PEOPLE; person++)
        for (int i = 0; i < DISCRIMINATOR_LAYERS; i++) {
            size_t at = index_of(person, i);
            const char *who = person == MODEL_A ? "a" : "b";
            struct layer_facts f = layer_facts(&layers[i]);
            snprintf(d->names[at], DISCRIMINATOR_NAME_MAX, "discriminator_%s.%d.weight", who, i);
            snprintf(d->names[at + 1], DISCRIMINATOR_NAME_MAX, "discriminator_%s.%d.bias", who, i);
            add_tensor(d, at, f.n_dims, f.dims);
            add_tensor(d, at + 1, 1, &f.n_bias);
        }
}

/* Uniform within 1 / sqrt(fan in), as PyTorch; the key is the layer, so both people's start alike.
 * weight: t itself, or the weight that the bias t belongs to. */
static enum status draw(struct discriminators *d, const struct model_tensor *t,
                        const struct model_tensor *weight, uint64_t seed, struct errmsg *em)
{
    const char *layer = strchr(t->name, '.');
    /* NOLINTNEXTLINE(analyzer-null-argument): each name has a dot (above) */
    struct philox p = philox_at(seed, PHILOX_INIT, hash64(layer, strlen(layer), 0));
    float bound =
        (float)(1.0 / sqrt((double)(weight->dims[1] * weight->dims[2] * weight->dims[3])));
    bool fp64 = d->dtype == SHIM_F64;
    void *memory = malloc(t->count * (fp64 ? sizeof(double) : sizeof(float)));
    if (!memory)
        return FAIL(em, ST_MEMORY, "no memory for the discriminators");
    for (size_t i = 0; i < t->count; i++) {
        float x = philox_uniform(&p, -bound, bound);
        if (fp64)
            ((double *)memory)[i] = (double)x;
        else
            ((float *)memory)[i] = x;
    }
    enum status st = shim_group_write(d->group, SHIM_PARAMETERS, t->offset, memory, t->count, em);
    free(memory);
    return st;
}

static enum status take_parameters(struct discriminators *d, uint64_t seed, struct errmsg *em)
{
    enum status st = ST_OK;
    for (size_t i = 0; i < DISCRIMINATOR_TENSORS && st == ST_OK; i++)
        st = draw(d, &d->tensors[i], &d->tensors[i - i % 2], seed, em);
    for (int person = 0; person < MODEL_PEOPLE; person++)
        for (int i = 0; i < DISCRIMINATOR_LAYERS && st == ST_OK; i++) {
            const struct model_tensor *w = &d->tensors[index_of(person, i)], *b = w + 1;
            st = shim_group_parameter(d->group, w->offset, (size_t)w->n_dims, w->dims,
                                      &d->layers[person][i].weight, em);
            if (st == ST_OK)
                st = shim_group_parameter(d->group, b->offset, (size_t)b->n_dims, b->dims,
                                          &d->layers[person][i].bias, em);
        }
    return st;
}

static enum status check_options(const struct model_discriminators *o, struct errmsg *em)
{
    if (o->channels < 1 || o->channels > CHANNELS_MAX)
        return FAIL(em, ST_CONFIG, "discriminator.channels = %d: from 1 to %d are possible",
                    o->channels, CHANNELS_MAX);
    if (!(o->r1 >= 0.0))
        return FAIL(em, ST_CONFIG, "discriminator.r1 = %g: a weight is 0 or more", o->r1);
    if (!(o->beta1 >= 0.0 && o->beta1 < 1.0 && o->beta2 >= 0.0 && o->beta2 < 1.0))
        return FAIL(em, ST_CONFIG,
                    "discriminator.beta1 = %g and discriminator.beta2 = %g: betas lie in [0, 1)",
                    o->beta1, o->beta2);
    return ST_OK;
}

enum status discriminators_new(const struct model_discriminators *o, const char *device,
                               enum shim_dtype dtype, bool autocast, uint64_t seed,
                               struct discriminators **out, struct errmsg *em)
{
    enum status st = check_options(o, em);
    if (st != ST_OK)
        return st;
    struct discriminators *d = calloc(1, sizeof *d);
    if (!d)
        return FAIL(em, ST_MEMORY, "no memory for the discriminators");
    d->options = *o;
    d->dtype = dtype;
    d->autocast = autocast;
    discriminators_lay_out(d);
    st = shim_group_new(device, dtype, d->count, NULL, &d->group, em);
    if (st == ST_OK)
        st = take_parameters(d, seed, em);
    if (st == ST_OK)
        *out = d;
    else
        discriminators_free(d);
    return st;
}

void discriminators_free(struct discriminators *d)
{
    if (!d)
        return;
    shim_group_free(d->group);
    free(d);
}

/* ---- Losses ---------------------------------------------------------------------------------- */

/* Pictures in [0, 1] to [-1, 1]. */
static struct shim_tensor *centred(struct shim_scope *s, struct shim_tensor *pictures)
{
    return shim_affine(s, pictures, 2.0, -1.0);
}

/* The discriminator's output for each patch: (n, 1, h, w). frozen: no gradient for its
 * parameters. */
static struct shim_tensor *score(struct shim_scope *s, const struct discriminators *d, int person,
                                 struct shim_tensor *x, bool frozen)
{
    shim_autocast(s, d->autocast);
    for (int i = 0; i < DISCRIMINATOR_LAYERS; i++) {
        struct shim_tensor *weight = d->layers[person][i].weight, *bias = d->layers[person][i].bias;
        if (frozen) {
            weight = shim_detach(s, weight);
            bias = shim_detach(s, bias);
        }
        x = shim_conv2d(s, x, weight, bias, discriminator_stride(i), DISCRIMINATOR_PADDING);
        if (i < DISCRIMINATOR_LAYERS - 1)
            x = shim_leaky_relu(s, x, leaky_slope);
    }
    shim_autocast(s, false);
    return shim_to_dtype(s, x, d->dtype);
}

/* Over the patches of each picture: (n). */
static struct shim_tensor *mean(struct shim_scope *s, struct shim_tensor *patches)
{
    const int64_t dims[] = {1, 2, 3};
    return shim_mean_over(s, patches, 3, dims, false);
}

/* max(0, 1 + sign * x) */
static struct shim_tensor *hinge(struct shim_scope *s, struct shim_tensor *x, double sign)
{
    return shim_leaky_relu(s, shim_affine(s, x, sign, 1.0), 0.0);
}

/* (x - wanted)^2 */
static struct shim_tensor *square(struct shim_scope *s, struct shim_tensor *x, double wanted)
{
    struct shim_tensor *off = shim_affine(s, x, 1.0, -wanted);
    return shim_mul(s, off, off);
}

struct shim_tensor *discriminators_fooled(struct shim_scope *s, const struct discriminators *d,
                                          int person, struct shim_tensor *pictures)
{
    struct shim_tensor *patches = score(s, d, person, centred(s, pictures), true);
    if (d->options.loss == MODEL_HINGE)
        return shim_affine(s, mean(s, patches), -1.0, 0.0);
    return mean(s, square(s, patches, 1.0));
}

/* Half the squared gradient of the patches' scores by the picture, as a mean over patches: (n).
 * Treats patches as independent (an approximation). x: the leaf that the scores were computed
 * from. */
static struct shim_tensor *r1(struct shim_scope *s, struct shim_tensor *patches,
                              struct shim_tensor *x)
{
    const int64_t pixels[] = {1, 2, 3};
    int64_t dims[SHIM_DIMS_MAX] = {0};
    if (shim_dims(patches, dims) != 4)
        return NULL;
    struct shim_tensor *g = shim_gradient(s, shim_sum(s, patches), x, true);
    struct shim_tensor *squares = shim_sum_over(s, shim_mul(s, g, g), 3, pixels, false);
    return shim_affine(s, squares, 0.5 / (double)(dims[2] * dims[3]), 0.0);
}

struct shim_tensor *discriminators_loss(struct shim_scope *s, const struct discriminators *d,
                                        int person, struct shim_tensor *made,
                                        struct shim_tensor *true_ones, struct shim_tensor **r1_out)
{
    bool penalised = d->options.r1 > 0.0;
    struct shim_tensor *x = centred(s, true_ones);
    if (penalised)
        x = shim_leaf(s, x);
    struct shim_tensor *of_true = score(s, d, person, x, false);
    struct shim_tensor *of_made = score(s, d, person, centred(s, shim_detach(s, made)), false);
    *r1_out = penalised ? r1(s, of_true, x) : NULL;
    if (d->options.loss == MODEL_HINGE)
        return shim_add(s, mean(s, hinge(s, of_true, -1.0)), mean(s, hinge(s, of_made, 1.0)));
    return shim_add(s, mean(s, square(s, of_true, 1.0)), mean(s, square(s, of_made, 0.0)));
}
