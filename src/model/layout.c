#include "layout.h"

#include <stdio.h>

#include "base/checked.h"
#include "base/poison.h"

enum { LATENT_MAX = 4096 };

static const int sizes[] = {64, 128, 256};

/* Channels of the activations of `resolution` squared. A larger model adds a stage outside and
 * leaves the inner ones, and their names, as they are. */
static int channels_at(const struct model_config *c, int resolution)
{
    if (resolution == c->image_size)
        return 3;
    switch (resolution) {
    case LAYOUT_CODE_SIZE:
        return c->latent;
    case 8:
    case 16:
        return 256;
    case 32:
        return 128;
    case 64:
        return 64;
    default:
        return 32;
    }
}

static enum status check(const struct model_config *c, struct errmsg *em)
{
    bool known = false;
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++)
        known = known || c->image_size == sizes[i];
    if (!known)
        return FAIL(em, ST_CONFIG, "model.image_size = %d: 64, 128 and 256 are possible",
                    c->image_size);
    if (c->latent < 1 || c->latent > LATENT_MAX)
        return FAIL(em, ST_CONFIG, "model.latent = %d: from 1 to %d channels are possible",
                    c->latent, LATENT_MAX);
    return ST_OK;
}

static void add_tensor(struct layout *l, size_t at, struct model_tensor t)
{
    t.count = 1;
    for (int i = 0; i < t.n_dims; i++)
        t.count *= (size_t)t.dims[i];
    t.name = l->names[at];
    t.offset = l->count;
    l->tensors[at] = t;
    l->count += t.count;
}

/* inner and outer: the resolutions of a layer's two ends, inner = outer / 2. Both kinds of layer
 * are named by the outer one: what an encoder's takes in, what a decoder's puts out. */
static void add_layer(struct layout *l, const struct model_config *c, int part, int layer,
                      int outer)
{
    static const char *const parts[PARTS] = {"encoder", "decoder_a", "decoder_b"};
    int inner = channels_at(c, outer / 2), outside = channels_at(c, outer);
    int bias = part == PART_ENCODER ? inner : outside;
    size_t at = layout_weight(l, part, layer);
    snprintf(l->names[at], LAYOUT_NAME_MAX, "%s.r%d.weight", parts[part], outer);
    snprintf(l->names[at + 1], LAYOUT_NAME_MAX, "%s.r%d.bias", parts[part], outer);
    /* (out, in, k, k) to convolve and (in, out, k, k) to convolve transposed: both inner first */
    add_tensor(l, at,
               (struct model_tensor){
                   .n_dims = 4, .dims = {inner, outside, LAYOUT_KERNEL, LAYOUT_KERNEL}
    });
    add_tensor(l, at + 1, (struct model_tensor){.n_dims = 1, .dims = {bias}});
}

size_t layout_weight(const struct layout *l, int part, int layer)
{
    return 2 * ((size_t)part * (size_t)l->n_layers + (size_t)layer);
}

enum status layout_init(struct layout *l, const struct model_config *c, struct errmsg *em)
{
    enum status st = check(c, em);
    if (st != ST_OK)
        return st;
    *l = (struct layout){0};
    for (int r = c->image_size; r > LAYOUT_CODE_SIZE; r /= 2)
        l->n_layers++;
    for (int i = 0; i < l->n_layers; i++)
        add_layer(l, c, PART_ENCODER, i, c->image_size >> i);
    for (int part = PART_DECODER_A; part <= PART_DECODER_B; part++)
        for (int i = 0; i < l->n_layers; i++)
            add_layer(l, c, part, i, 2 * LAYOUT_CODE_SIZE << i);
    return ST_OK;
}

enum status model_parameter_count(const struct model_config *c, size_t *count_out,
                                  struct errmsg *em)
{
    struct layout l;
    enum status st = layout_init(&l, c, em);
    if (st == ST_OK)
        *count_out = l.count;
    return st;
}
