#include "vgg.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"
#include "weights.h"

#include "base/poison.h"

enum { CONVS_MAX = 11, CHANNELS = 3, KERNEL = 3 };

/* Of torchvision's "features": convolutions, and what follows each one. */
static const struct conv {
    int index, index_19; /* of the layer in VGG16 and VGG19; 0 with conv3_4: not in VGG16 */
    int in, out;
    bool tap, pool;
} convs[CONVS_MAX] = {
    {0,  0,  3,   64,  false, false},
    {2,  2,  64,  64,  true,  true },
    {5,  5,  64,  128, false, false},
    {7,  7,  128, 128, true,  true },
    {10, 10, 128, 256, false, false},
    {12, 12, 256, 256, false, false},
    {14, 14, 256, 256, true,  true }, /* in VGG19 the pool comes after conv3_4 */
    {0,  16, 256, 256, false, true },
    {17, 19, 256, 512, false, false},
    {19, 21, 512, 512, false, false},
    {21, 23, 512, 512, true,  false},
};
enum { CONV3_3 = 6, CONV3_4 = 7 };

struct vgg {
    int depth;
    uint64_t hash;
    bool autocast;
    enum shim_dtype dtype;
    struct shim_scope *scope; /* owns the tensors */
    struct shim_tensor *mean, *deviation;
    struct {
        struct shim_tensor *weight, *bias;
    } layers[CONVS_MAX];
};

#define HOW_TO_GET_IT                                                                           \
    "torchvision's vgg16-397923af.pth (or vgg19-dcbb9e9d.pth) is what it wants: curl -LO "      \
    "https://download.pytorch.org/models/vgg16-397923af.pth; a safetensors file with the same " \
    "names will do, too"

static bool has(const struct weights *w, int index)
{
    char name[32];
    snprintf(name, sizeof name, "features.%d.weight", index);
    return weights_find(w, name) != NULL;
}

/* Which network: conv3_4 is layer 16 in VGG19, where VGG16 has no weights; conv4_1 is 17 in VGG16,
 * where VGG19 has none. Layer 1 has weights where there is batch normalisation. */
static enum status find_depth(struct vgg *v, const struct weights *w, const char *path,
                              struct errmsg *em)
{
    bool is_16 = has(w, 17) && !has(w, 16), is_19 = has(w, 16) && !has(w, 17);
    if (has(w, 1))
        return FAIL(
            em, ST_DATA,
            "%s is of a VGG with batch normalisation; the plain one is wanted. " HOW_TO_GET_IT,
            path);
    if (!is_16 && !is_19)
        return FAIL(em, ST_DATA, "%s is of another network than VGG16 or VGG19. " HOW_TO_GET_IT,
                    path);
    v->depth = is_19 ? 19 : 16;
    return ST_OK;
}

static bool is_left_out(const struct vgg *v, int conv)
{
    return v->depth == 16 && conv == CONV3_4;
}

/* A tensor of the file, of this shape, to the device. */
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
                    "%s: \"%s\" is missing, of another shape than VGG%d's, or no 32 or 64 bit "
                    "floating point. " HOW_TO_GET_IT,
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
    for (int i = 0; i < CONVS_MAX && st == ST_OK; i++) {
        if (is_left_out(v, i))
            continue;
        const struct conv *c = &convs[i];
        int layer = v->depth == 19 ? c->index_19 : c->index;
        const int64_t weight[] = {c->out, c->in, KERNEL, KERNEL}, bias[] = {c->out};
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
    int taps = 0;
    shim_autocast(s, v->autocast);
    for (int i = 0; i < CONVS_MAX; i++) {
        if (is_left_out(v, i))
            continue;
        x = shim_conv2d(s, x, v->layers[i].weight, v->layers[i].bias, 1, 1);
        x = shim_leaky_relu(s, x, 0.0);
        if (convs[i].tap)
            features[taps++] = shim_to_dtype(s, x, v->dtype);
        if (convs[i].pool && !(v->depth == 19 && i == CONV3_3))
            x = shim_max_pool2d(s, x, 2);
    }
    shim_autocast(s, false);
}
