#include "model/architecture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum {
    RGB = 3,
    WIDTH_SIZE = 64, /* pixels a side at which model.width counts */
    KERNEL_STAGE = 4,
    KERNEL_BLOCK = 3,
    GROUP_CHANNELS = 16, /* of normalization, where they divide what there is */
    STAGES_MAX = 8,
    PART_LAYERS_MAX = STAGES_MAX + STAGES_MAX * MODEL_BLOCKS_MAX * 3 + 2,
    LAYERS_MAX = MODEL_PARTS * PART_LAYERS_MAX,
    MEAN_CODES = 2,
    TENSORS_MAX = MEAN_CODES + 2 * LAYERS_MAX,
    NAME_BYTES = 40,
};

/* What architecture_new allocates: the public face and what it points to. */
struct built {
    struct architecture face;
    struct architecture_layer layers[LAYERS_MAX];
    struct model_tensor tensors[TENSORS_MAX];
    char names[TENSORS_MAX][NAME_BYTES];
};

/* ---- Keys ------------------------------------------------------------------------------------ */

/* clang-format off */
#define WHOLE(field, value, least, most, help) \
    {.name = #field, .offset = offsetof(struct model_config, field), \
     .initial = (value), .low = (least), .high = (most)},
#define WORD(field, help, ...) \
    {.name = #field, .offset = offsetof(struct model_config, field), \
     .words = (const char *const[]){__VA_ARGS__, NULL}, \
     .high = (int)ARRAY_LENGTH(((const char *const[]){__VA_ARGS__})) - 1},
#define SWITCH(field, help) WORD(field, help, "false", "true")
/* clang-format on */
static const struct architecture_key keys[] = {MODEL_KEYS(WHOLE, WORD, SWITCH)};

size_t architecture_keys(const struct architecture_key **keys_out)
{
    *keys_out = keys;
    return ARRAY_LENGTH(keys);
}

int architecture_get(const struct model_config *c, const struct architecture_key *key)
{
    int value;
    memcpy(&value, (const char *)c + key->offset, sizeof value);
    return value == 0 ? key->initial : value;
}

void architecture_set(struct model_config *c, const struct architecture_key *key, int value)
{
    memcpy((char *)c + key->offset, &value, sizeof value);
}

static void print_value(char *out, size_t bytes, const struct architecture_key *key, int value)
{
    if (key->words && value >= 0 && value <= key->high)
        snprintf(out, bytes, "%s", key->words[value]);
    else
        snprintf(out, bytes, "%d", value);
}

bool architecture_same(const struct model_config *a, const struct model_config *b, char *out,
                       size_t out_bytes)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        int old = architecture_get(a, &keys[i]), now = architecture_get(b, &keys[i]);
        char texts[2][16];
        if (old == now)
            continue;
        print_value(texts[0], sizeof texts[0], &keys[i], old);
        print_value(texts[1], sizeof texts[1], &keys[i], now);
        snprintf(out, out_bytes, "%s: %s -> %s", keys[i].name, texts[0], texts[1]);
        return false;
    }
    return true;
}

/* ---- Checking -------------------------------------------------------------------------------- */

/* c with every 0 that stands for another value replaced by it. */
static struct model_config resolved(const struct model_config *c)
{
    struct model_config r = *c;
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        architecture_set(&r, &keys[i], architecture_get(c, &keys[i]));
    return r;
}

static enum status check_ranges(const struct model_config *c, struct errmsg *em)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        int value = architecture_get(c, &keys[i]);
        if (value < keys[i].low || value > keys[i].high)
            return FAIL(em, ST_CONFIG, "model.%s = %d: from %d to %d is possible", keys[i].name,
                        value, keys[i].low, keys[i].high);
    }
    return ST_OK;
}

/* "64, 128, 256 or 512" of a code size of 4. */
static void list_sizes(int code_size, char *out, size_t bytes)
{
    size_t n = 0;
    for (int size = code_size * 2; size <= MODEL_SIZE_MAX_PX && n < bytes; size *= 2)
        if (size >= keys[0].low)
            n += (size_t)snprintf(out + n, bytes - n, "%s%d",
                                  n == 0                          ? ""
                                  : 2 * size <= MODEL_SIZE_MAX_PX ? ", "
                                                                  : " or ",
                                  size);
}

static enum status check_sizes(const struct model_config *c, struct errmsg *em)
{
    int size = c->image_size;
    while (size % 2 == 0 && size > c->code_size)
        size /= 2;
    if (size == c->code_size && c->image_size > c->code_size)
        return ST_OK;
    char possible[64];
    list_sizes(c->code_size, possible, sizeof possible);
    return FAIL(em, ST_CONFIG,
                "model.image_size = %d: stages cannot halve it to model.code_size = %d; set it to "
                "%s",
                c->image_size, c->code_size, possible);
}

static enum status check(const struct model_config *c, struct errmsg *em)
{
    enum status st = check_ranges(c, em);
    if (st == ST_OK)
        st = check_sizes(c, em);
    if (st == ST_OK && c->norm == MODEL_NORM_GROUP && c->blocks == 0)
        st =
            FAIL(em, ST_CONFIG,
                 "model.norm = \"group\" normalizes in residual blocks, and model.blocks is 0: set "
                 "model.blocks to 1 or more, or model.norm = \"none\"");
    return st;
}

enum status architecture_check(const struct model_config *c, struct errmsg *em)
{
    struct model_config r = resolved(c);
    return check(&r, em);
}

/* ---- Layers ---------------------------------------------------------------------------------- */

int architecture_channels(const struct model_config *c, int size)
{
    struct model_config r = resolved(c);
    int channels = r.width, at;
    for (at = WIDTH_SIZE; at < size; at *= 2)
        channels /= 2;
    for (; at / 2 >= size; at /= 2)
        channels *= 2;
    return MIN(channels, r.width_max);
}

enum status architecture_check_growth(const struct model_config *from,
                                      const struct model_config *to, struct errmsg *em)
{
    int channels = architecture_channels(to, to->image_size / 2);
    if (to->image_size <= from->image_size || channels >= ARCHITECTURE_CARRIED_CHANNELS)
        return ST_OK;
    return FAIL(em, ST_CONFIG,
                "pictures of %d px cannot grow to %d px: that takes %d channels at %d px, and "
                "model.width = %d makes %d",
                from->image_size, to->image_size, ARCHITECTURE_CARRIED_CHANNELS, to->image_size / 2,
                to->width, channels);
}

/* Channels of what flows between the layers at a resolution: pictures and convolved codes too. */
static int flow_at(const struct model_config *c, int size)
{
    if (size == c->image_size)
        return RGB;
    if (size == c->code_size && c->bottleneck == MODEL_BOTTLENECK_CONV)
        return c->latent;
    return architecture_channels(c, size);
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

/* The shape of a layer's weight, as PyTorch's modules have it. */
static struct model_tensor weight_of(const struct architecture_layer *l)
{
    int64_t in = l->n_in, out = l->n_out, k = l->kernel;
    switch (l->kind) {
    case LAYER_TWICE:
        return (struct model_tensor){
            .n_dims = 4, .dims = {in, out, k, k}
        };
    case LAYER_SUBPIXEL:
        return (struct model_tensor){
            .n_dims = 4, .dims = {4 * out, in, k, k}
        };
    case LAYER_NORM:
        return (struct model_tensor){.n_dims = 1, .dims = {out}};
    case LAYER_FLATTEN:
        return (struct model_tensor){
            .n_dims = 2, .dims = {out, in * l->size_in * l->size_in}
        };
    case LAYER_UNFLATTEN:
        return (struct model_tensor){
            .n_dims = 2, .dims = {out * l->size_out * l->size_out, in}
        };
    case LAYER_HALVE:
    case LAYER_CONV:
        break;
    }
    return (struct model_tensor){
        .n_dims = 4, .dims = {out, in, k, k}
    };
}

/* Appends a layer with its weight and bias; name: within its part, "r128". */
static void add_layer(struct built *b, struct architecture_layer l, const char *name)
{
    char full[NAME_BYTES];
    struct model_tensor weight = weight_of(&l);
    int64_t n_bias = l.kind == LAYER_TWICE ? weight.dims[1] : weight.dims[0];
    l.weight = b->face.n_tensors;
    b->layers[b->face.n_layers++] = l;
    snprintf(full, sizeof full, "%s.%s.weight", architecture_part_name(l.part), name);
    add_tensor(b, full, weight);
    snprintf(full, sizeof full, "%s.%s.bias", architecture_part_name(l.part), name);
    add_tensor(b, full, (struct model_tensor){.n_dims = 1, .dims = {n_bias}});
}

/* x + conv1(activation(norm(conv0(x)))), nothing behind the sum (Lim et al., "Enhanced deep
 * residual networks for single image super-resolution", 2017). */
static void add_block(struct built *b, int part, int size, int index)
{
    const struct model_config *c = &b->face.config;
    char name[NAME_BYTES];
    int n = flow_at(c, size), group = GROUP_CHANNELS;
    bool norm = c->norm == MODEL_NORM_GROUP;
    while (n % group != 0)
        group /= 2;
    struct architecture_layer conv = {.kind = LAYER_CONV,
                                      .part = part,
                                      .kernel = KERNEL_BLOCK,
                                      .n_in = n,
                                      .n_out = n,
                                      .size_in = size,
                                      .size_out = size,
                                      .activated = !norm,
                                      .residual = LAYER_KEEPS_INPUT};
    snprintf(name, sizeof name, "b%d.%d.conv0", size, index);
    add_layer(b, conv, name);
    if (norm) {
        struct architecture_layer between = conv;
        between.kind = LAYER_NORM;
        between.kernel = 0;
        between.groups = n / group;
        between.activated = true;
        between.residual = LAYER_PLAIN;
        snprintf(name, sizeof name, "b%d.%d.norm", size, index);
        add_layer(b, between, name);
    }
    conv.activated = false;
    conv.residual = LAYER_ADDS_KEPT;
    snprintf(name, sizeof name, "b%d.%d.conv1", size, index);
    add_layer(b, conv, name);
}

static void add_blocks(struct built *b, int part, int size)
{
    for (int i = 0; i < b->face.config.blocks; i++)
        add_block(b, part, size, i);
}

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

static void add_encoder(struct built *b)
{
    const struct model_config *c = &b->face.config;
    char name[NAME_BYTES];
    if (c->mean_codes)
        add_mean_codes(b);
    for (int size = c->image_size; size > c->code_size; size /= 2) {
        struct architecture_layer l = {.kind = LAYER_HALVE,
                                       .part = MODEL_ENCODER,
                                       .kernel = KERNEL_STAGE,
                                       .n_in = flow_at(c, size),
                                       .n_out = flow_at(c, size / 2),
                                       .size_in = size,
                                       .size_out = size / 2,
                                       .activated = true};
        snprintf(name, sizeof name, "r%d", size);
        add_layer(b, l, name);
        add_blocks(b, MODEL_ENCODER, size / 2);
    }
    if (c->bottleneck == MODEL_BOTTLENECK_CONV)
        return;
    struct architecture_layer dense = {.kind = LAYER_FLATTEN,
                                       .part = MODEL_ENCODER,
                                       .n_in = flow_at(c, c->code_size),
                                       .n_out = c->latent,
                                       .size_in = c->code_size,
                                       .size_out = 1};
    snprintf(name, sizeof name, "r%d", c->code_size);
    add_layer(b, dense, name);
}

/* The layers that put out `size` pixels a side. */
static void add_doubling(struct built *b, int part, int size)
{
    const struct model_config *c = &b->face.config;
    char name[NAME_BYTES];
    bool last = size == c->image_size, subpixel = c->upsample == MODEL_UPSAMPLE_SUBPIXEL;
    struct architecture_layer l = {.kind = subpixel ? LAYER_SUBPIXEL : LAYER_TWICE,
                                   .part = part,
                                   .kernel = subpixel ? KERNEL_BLOCK : KERNEL_STAGE,
                                   .n_in = flow_at(c, size / 2),
                                   .n_out = flow_at(c, size),
                                   .size_in = size / 2,
                                   .size_out = size,
                                   .activated = !last,
                                   .output = last ? LAYER_TO_PICTURE : LAYER_TO_NEXT};
    snprintf(name, sizeof name, "r%d", size);
    add_layer(b, l, name);
    if (!last || !c->mask)
        return;
    l.n_out = 1;
    l.output = LAYER_TO_MASK;
    snprintf(name, sizeof name, "m%d", size);
    add_layer(b, l, name);
}

static void add_decoder(struct built *b, int part)
{
    const struct model_config *c = &b->face.config;
    char name[NAME_BYTES];
    if (c->bottleneck == MODEL_BOTTLENECK_DENSE) {
        struct architecture_layer dense = {.kind = LAYER_UNFLATTEN,
                                           .part = part,
                                           .n_in = c->latent,
                                           .n_out = flow_at(c, c->code_size),
                                           .size_in = 1,
                                           .size_out = c->code_size,
                                           .activated = true};
        snprintf(name, sizeof name, "r%d", c->code_size);
        add_layer(b, dense, name);
    }
    for (int size = c->code_size; size < c->image_size; size *= 2) {
        add_blocks(b, part, size);
        add_doubling(b, part, 2 * size);
    }
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
    a->config = resolved(c);
    a->layers = b->layers;
    a->tensors = b->tensors;
    for (int part = 0; part < MODEL_PARTS; part++) {
        size_t before = a->count;
        a->first_layer[part] = a->n_layers;
        if (part == MODEL_ENCODER)
            add_encoder(b);
        else
            add_decoder(b, part);
        a->part_count[part] = a->count - before;
    }
    a->first_layer[MODEL_PARTS] = a->n_layers;
    *out = a;
    return ST_OK;
}

void architecture_free(struct architecture *a)
{
    free(a); /* the first member of what was allocated */
}

/* ---- Telling --------------------------------------------------------------------------------- */

const char *architecture_part_name(int part)
{
    static const char *const names[MODEL_PARTS] = {"encoder", "decoder_a", "decoder_b"};
    return names[part];
}

size_t architecture_layer_parameters(const struct architecture *a,
                                     const struct architecture_layer *l)
{
    return a->tensors[l->weight].count + a->tensors[l->weight + 1].count;
}

double architecture_layer_macs(const struct architecture *a, const struct architecture_layer *l)
{
    /* each weight meets every position at the lower of the two resolutions once */
    double side = MIN(l->size_in, l->size_out);
    return side * side * (double)a->tensors[l->weight].count;
}

bool architecture_begins_piece(const struct architecture_layer *l)
{
    return l->kind != LAYER_CONV && l->kind != LAYER_NORM;
}

double architecture_layer_activations(const struct architecture_layer *l)
{
    return (double)l->n_out * l->size_out * l->size_out;
}
