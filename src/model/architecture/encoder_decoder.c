/* The encoder and the decoders, as lists of layers. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/points.h"
#include "model/architecture.h"

#include "base/poison.h"

enum {
    RGB = 3,
    GROUP_CHANNELS = 16, /* channels of a normalization group, if they divide the layer's */
    LEVELS_MAX = 8,
    /* 3: conv0, norm, conv1 of a block; 2: the linear layer and the mask head */
    PART_LAYERS_MAX = LEVELS_MAX + LEVELS_MAX * MODEL_BLOCKS_MAX * 3 + 2,
    LAYERS_MAX = MODEL_PARTS * PART_LAYERS_MAX,
    MEAN_CODE_TENSORS = 2,
    POSE_SCALE_TENSORS = 2, /* mean, deviation */
    TENSORS_MAX = MEAN_CODE_TENSORS + POSE_SCALE_TENSORS + 2 * LAYERS_MAX,
    NAME_BYTES = 40,
};

/* Indexed by enum model_upsample. */
static const struct {
    enum layer_kind kind;
    int kernel;
} doublings[] = {
#define X(NAME, KIND, k) {LAYER_##KIND, k},
    UPSAMPLE_MAP(X)
#undef X
};

/* What architecture_new allocates: the public struct first, then what it points to. */
struct built {
    struct architecture face;
    int part; /* the part that layers are added to */
    struct architecture_layer layers[LAYERS_MAX];
    struct model_tensor tensors[TENSORS_MAX];
    char names[TENSORS_MAX][NAME_BYTES];
};

const char *architecture_part_name(int part)
{
    static const char *const names[MODEL_PARTS] = {"encoder", "decoder_a", "decoder_b", "pose"};
    return names[part];
}

/* ---- Lists of layers and tensors ------------------------------------------------------------- */

/* Channels of the activations at a resolution, pictures and codes included. Size 1: the vector of
 * the dense bottleneck. */
static int channels_at(const struct model_config *c, int size)
{
    bool dense = c->bottleneck == MODEL_BOTTLENECK_DENSE;
    if (size == c->image_size)
        return RGB;
    if (size == (dense ? 1 : c->code_size))
        return c->latent;
    return architecture_channels(c, size);
}

/* Groups of 16 channels if 16 divides channels, else of 8, 4, 2 or 1. */
static int groups_of(int channels)
{
    int group = GROUP_CHANNELS;
    while (channels % group != 0)
        group /= 2;
    return channels / group;
}

static void add_tensor(struct built *b, const char *name, struct model_tensor t)
{
    struct architecture *a = &b->face;
    t.count = 1;
    for (int i = 0; i < t.n_dims; i++)
        t.count *= (size_t)t.dims[i];
    snprintf(b->names[a->n_tensors], NAME_BYTES, "%s", name);
    t.name = b->names[a->n_tensors];
    t.offset = a->count;
    b->tensors[a->n_tensors++] = t;
    a->count += t.count;
}

/* Appends a layer with its weight and bias. format: its name within the part, as "r128". */
PRINTF_LIKE(3, 4)
static void add(struct built *b, struct architecture_layer l, const char *format, ...)
{
    struct architecture *a = &b->face;
    struct layer_facts f = layer_facts(&l);
    struct model_tensor weight = {.n_dims = f.n_dims}, bias = {.n_dims = 1, .dims = {f.n_bias}};
    /* NOLINTNEXTLINE(analyzer-use-of-uninitialized-value): of dims, n_dims are set and read */
    memcpy(weight.dims, f.dims, sizeof weight.dims);
    char name[NAME_BYTES / 2], full[NAME_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    l.part = b->part;
    l.begins_piece = l.begins_piece || a->n_layers == a->first_layer[l.part];
    l.weight = a->n_tensors;
    b->layers[a->n_layers++] = l;
    snprintf(full, sizeof full, "%s.%s.weight", architecture_part_name(l.part), name);
    add_tensor(b, full, weight);
    snprintf(full, sizeof full, "%s.%s.bias", architecture_part_name(l.part), name);
    add_tensor(b, full, bias);
}

/* ---- The network ----------------------------------------------------------------------------- */

/* A layer from the activations at one resolution to those at another, or the same. */
static struct architecture_layer layer(const struct built *b, enum layer_kind kind, int kernel,
                                       int from, int to)
{
    const struct model_config *c = &b->face.config;
    return (struct architecture_layer){.kind = kind,
                                       .kernel = kernel,
                                       .n_in = channels_at(c, from),
                                       .n_out = channels_at(c, to),
                                       .size_in = from,
                                       .size_out = to,
                                       .activated = true,
                                       .begins_piece = from != to};
}

/* x + conv1(activation(norm(conv0(x)))), (n, C, size, size), without an activation after the sum
 * (Lim et al., "Enhanced deep residual networks for single image super-resolution", 2017). */
static void add_block(struct built *b, int size, int index)
{
    bool normalized = b->face.config.norm == MODEL_NORM_GROUP;
    struct architecture_layer conv0 = layer(b, LAYER_CONV, 3, size, size), conv1 = conv0;
    conv0.residual = LAYER_KEEPS_INPUT;
    conv0.activated = !normalized; /* else the norm has the activation, by default of layer() */
    add(b, conv0, "b%d.%d.conv0", size, index);
    if (normalized) {
        struct architecture_layer norm = layer(b, LAYER_GROUP_NORM, 0, size, size);
        norm.groups = groups_of(norm.n_in);
        add(b, norm, "b%d.%d.norm", size, index);
    }
    conv1.residual = LAYER_ADDS_KEPT;
    conv1.activated = false;
    add(b, conv1, "b%d.%d.conv1", size, index);
}

static void add_blocks(struct built *b, int size)
{
    for (int i = 0; i < b->face.config.blocks; i++)
        add_block(b, size, i);
}

/* Parameters in the shape of a code, one for each person. */
static void add_mean_codes(struct built *b)
{
    const struct model_config *c = &b->face.config;
    struct model_tensor code = {
        .n_dims = 3, .dims = {c->latent, c->code_size, c->code_size}
    };
    if (c->bottleneck == MODEL_BOTTLENECK_DENSE)
        code.n_dims = 1;
    b->face.mean_codes = b->tensors + b->face.n_tensors;
    add_tensor(b, "encoder.mean_code_a", code);
    add_tensor(b, "encoder.mean_code_b", code);
}

/* Pictures (n, 3, S, S) to codes (n, latent, code_size, code_size), or (n, latent). */
static void add_encoder(struct built *b)
{
    const struct model_config *c = &b->face.config;
    if (c->mean_codes)
        add_mean_codes(b);
    for (int size = c->image_size; size > c->code_size; size /= 2) {
        /* (n, C, size, size) to (n, C', size / 2, size / 2) */
        add(b, layer(b, LAYER_CONV, 4, size, size / 2), "r%d", size);
        add_blocks(b, size / 2);
    }
    if (c->bottleneck == MODEL_BOTTLENECK_DENSE) {
        /* (n, C, code_size, code_size) to (n, latent) */
        struct architecture_layer linear = layer(b, LAYER_LINEAR, 0, c->code_size, 1);
        linear.activated = false;
        add(b, linear, "r%d", c->code_size);
    }
}

/* Codes (n, latent, code_size, code_size), or (n, latent), to pictures (n, 3, S, S) and masks
 * (n, 1, S, S). */
static void add_decoder(struct built *b)
{
    const struct model_config *c = &b->face.config;
    enum layer_kind kind = doublings[c->upsample].kind;
    int kernel = doublings[c->upsample].kernel;
    if (c->bottleneck == MODEL_BOTTLENECK_DENSE)
        /* (n, latent) to (n, C, code_size, code_size) */
        add(b, layer(b, LAYER_LINEAR, 0, 1, c->code_size), "r%d", c->code_size);
    for (int size = 2 * c->code_size; size < c->image_size; size *= 2) {
        /* (n, C, size / 2, size / 2) to (n, C', size, size) */
        add_blocks(b, size / 2);
        add(b, layer(b, kind, kernel, size / 2, size), "r%d", size);
    }
    /* (n, C, S / 2, S / 2) to (n, 3, S, S) and (n, 1, S, S) */
    add_blocks(b, c->image_size / 2);
    struct architecture_layer head = layer(b, kind, kernel, c->image_size / 2, c->image_size);
    head.activated = false;
    head.output = LAYER_TO_PICTURE;
    add(b, head, "r%d", c->image_size);
    if (c->mask) {
        head.n_out = 1;
        head.output = LAYER_TO_MASK;
        add(b, head, "m%d", c->image_size);
    }
}

/* Two linear layers: to_code maps the pose z (n, 140) to what is added to a code; from_code
 * predicts z from a code. z was made from the points with mean and deviation. No optimizer changes
 * these two, but as parameters they are saved with the others and copied to all ranks. */
static void add_pose(struct built *b)
{
    const struct model_config *c = &b->face.config;
    int size = c->bottleneck == MODEL_BOTTLENECK_DENSE ? 1 : c->code_size;
    struct model_tensor scale = {
        .n_dims = 3, .dims = {2, FACE_POINTS, 2}
    };
    b->face.pose_scale = b->tensors + b->face.n_tensors;
    add_tensor(b, "pose.mean", scale);
    add_tensor(b, "pose.deviation", scale);
    struct architecture_layer to_code = layer(b, LAYER_LINEAR, 0, 1, size);
    to_code.n_in = 2 * FACE_POINTS;
    to_code.n_out = c->latent;
    to_code.deviation = 0.02; /* of 140 numbers of variance 1: adds a deviation of 0.24 to codes */
    to_code.activated = false;
    add(b, to_code, "to_code");
    struct architecture_layer from_code = layer(b, LAYER_LINEAR, 0, size, 1);
    from_code.n_in = c->latent;
    from_code.n_out = 2 * FACE_POINTS;
    /* first predictions are a tenth of the code's size: near 0, the mean pose */
    from_code.deviation = 0.1 / sqrt((double)c->latent * size * size);
    from_code.activated = false;
    add(b, from_code, "from_code");
}

enum status architecture_new(const struct model_config *c, struct architecture **out,
                             struct errmsg *em)
{
    enum status st = architecture_check(c, em);
    if (st != ST_OK)
        return st;
    struct built *b = calloc(1, sizeof *b);
    if (!b)
        return FAIL(em, ST_MEMORY, "out of memory");
    struct architecture *a = &b->face;
    a->config = architecture_resolve(c);
    a->layers = b->layers;
    a->tensors = b->tensors;
    for (int part = 0; part < MODEL_PARTS; part++) {
        size_t before = a->count;
        a->first_layer[part] = a->n_layers;
        b->part = part;
        if (part == MODEL_ENCODER)
            add_encoder(b);
        else if (part != MODEL_POSE)
            add_decoder(b);
        else if (c->pose != MODEL_POSE_NONE)
            add_pose(b);
        a->part_count[part] = a->count - before;
    }
    a->first_layer[MODEL_PARTS] = a->n_layers;
    *out = a;
    return ST_OK;
}

void architecture_free(struct architecture *a)
{
    free(a); /* first member of struct built: the same address */
}
