#include "vgg.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"
#include "weights.h"

#include "base/poison.h"

enum { CHANNELS = 3 };

struct vgg {
    int depth, n_convs;
    const struct vgg_conv *convs[VGG_CONVS_MAX];
    uint64_t hash;
    bool autocast;
    enum shim_dtype dtype;
    struct shim_scope *scope; /* owns the tensors */
    struct shim_tensor *mean, *deviation;
    struct {
        struct shim_tensor *weight, *bias;
    } layers[VGG_CONVS_MAX];
};

/* clang-format off */
#define HOW_TO_GET_IT \
    "Give torchvision's vgg16-397923af.pth (or vgg19-dcbb9e9d.pth), or a safetensors file with the " \
    "same names: curl -LO https://download.pytorch.org/models/vgg16-397923af.pth"
/* clang-format on */

static bool has(const struct weights *w, int index)
{
    char name[32];
    snprintf(name, sizeof name, "features.%d.weight", index);
    return weights_find(w, name) != NULL;
}

/* VGG16 or VGG19: only VGG19 has weights at layer 16 (conv3_4), only VGG16 at 17 (conv4_1). Layer 1
 * has weights only with batch normalisation. */
static enum status find_depth(struct vgg *v, const struct weights *w, const char *path,
                              struct errmsg *em)
{
    bool is_16 = has(w, 17) && !has(w, 16), is_19 = has(w, 16) && !has(w, 17);
    if (has(w, 1))
        return FAIL(
            em, ST_DATA,
            "%s is a VGG with batch normalisation; the one without is needed. " HOW_TO_GET_IT,
            path);
    if (!is_16 && !is_19)
        return FAIL(em, ST_DATA, "%s is neither VGG16 nor VGG19. " HOW_TO_GET_IT, path);
    v->depth = is_19 ? 19 : 16;
    v->n_convs = vgg_convs(v->depth, v->convs);
    return ST_OK;
}

/* Copies a tensor of the file to the device; it must have this shape. */
static enum status load(struct vgg *v, struct weights *w, const char *path, int layer,
                        const char *kind, size_t n_dims, const int64_t *dims,
                        struct shim_tensor **out, struct errmsg *em)
{
    char name[48];
    size_t count = 1;
    snprintf(name, sizeof name, "features.%d.%s", layer, kind);
    const struct weights_tensor *t = weights_find(w, name);
    bool fits = t && (size_t)t->n_dims == n_dims;
    for (size_t i = 0; i < n_dims; i++) {
        fits = fits && t->dims[i] == dims[i];
        count *= (size_t)dims[i];
    }
    if (!fits || t->count != count)
        return FAIL(em, ST_DATA,
                    "%s: \"%s\" is missing, of another shape than VGG%d's, or not 32 or 64 "
                    "bit floating point. " HOW_TO_GET_IT,
                    path, name, v->depth);
    double *numbers = malloc(count * sizeof *numbers);
    if (!numbers)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    enum status st = weights_read(w, t, numbers, em);
    if (st == ST_OK) {
        v->hash = hash64(numbers, count * sizeof *numbers, v->hash);
        *out = shim_from_memory(v->scope, SHIM_F64, numbers, n_dims, dims);
        if (v->autocast)
            *out = shim_to_dtype(v->scope, *out, SHIM_BF16);
        st = shim_scope_check(v->scope, em);
    }
    free(numbers);
    return st;
}

static enum status load_convs(struct vgg *v, struct weights *w, const char *path, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int i = 0; i < v->n_convs && st == ST_OK; i++) {
        const struct vgg_conv *c = v->convs[i];
        int layer = v->depth == 19 ? c->index_19 : c->index_16;
        const int64_t weight[] = {c->n_out, c->n_in, VGG_KERNEL, VGG_KERNEL}, bias[] = {c->n_out};
        st = load(v, w, path, layer, "weight", 4, weight, &v->layers[i].weight, em);
        if (st == ST_OK)
            st = load(v, w, path, layer, "bias", 1, bias, &v->layers[i].bias, em);
    }
    return st;
}

static enum status load_normalisation(struct vgg *v, struct errmsg *em)
{
    static const double mean[CHANNELS] = {0.485, 0.456, 0.406};
    static const double deviation[CHANNELS] = {0.229, 0.224, 0.225};
    const int64_t dims[] = {1, CHANNELS, 1, 1};
    v->mean = shim_from_memory(v->scope, SHIM_F64, mean, 4, dims);
    v->deviation = shim_from_memory(v->scope, SHIM_F64, deviation, 4, dims);
    return shim_scope_check(v->scope, em);
}

enum status vgg_open(const char *path, const char *device, enum shim_dtype dtype, bool autocast,
                     struct vgg **out, struct errmsg *em)
{
    if (!path || !file_exists(path))
        return FAIL(em, ST_NOINPUT,
                    "loss.perceptual_weights = \"%s\": no such file. " HOW_TO_GET_IT,
                    path ? path : "");
    struct weights *w = NULL;
    struct vgg *v = calloc(1, sizeof *v);
    enum status st =
        v ? weights_open(path, &w, em) : FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    if (st == ST_OK)
        st = find_depth(v, w, path, em);
    if (st == ST_OK) {
        v->autocast = autocast;
        v->dtype = dtype;
        st = shim_scope_new(device, dtype, &v->scope, em);
    }
    if (st == ST_OK)
        st = load_convs(v, w, path, em);
    if (st == ST_OK)
        st = load_normalisation(v, em);
    weights_free(w);
    if (st == ST_OK)
        *out = v;
    else
        vgg_free(v);
    return st;
}

void vgg_free(struct vgg *v)
{
    if (!v)
        return;
    shim_scope_free(v->scope);
    free(v);
}

int vgg_depth(const struct vgg *v)
{
    return v->depth;
}

uint64_t vgg_hash(const struct vgg *v)
{
    return v->hash;
}

void vgg_features(struct shim_scope *s, const struct vgg *v, struct shim_tensor *pictures,
                  struct shim_tensor *features[VGG_TAPS])
{
    struct shim_tensor *x = shim_div(s, shim_sub(s, pictures, v->mean), v->deviation);
    x = shim_channels_last(s, x, true);
    int taps = 0, level = 0;
    shim_autocast(s, v->autocast);
    for (int i = 0; i < v->n_convs; i++) {
        const struct vgg_conv *c = v->convs[i];
        if (c->level > level)
            x = shim_max_pool2d(s, x, 2);
        level = c->level;
        x = shim_conv2d(s, x, v->layers[i].weight, v->layers[i].bias, 1, 1);
        x = shim_leaky_relu(s, x, 0.0);
        if (c->tap)
            features[taps++] = shim_to_dtype(s, x, v->dtype);
    }
    shim_autocast(s, false);
}
