#include "network.h"

#include <stdlib.h>

#include "model/model.h"

#include "base/poison.h"

static const double slope = 0.2, no_slope = 1.0; /* of LeakyReLU */
static const double norm_eps = 1e-5;

enum status network_init(struct network *net, const struct architecture *a,
                         struct shim_group *group, enum shim_dtype dtype, struct errmsg *em)
{
    struct network made = {.architecture = a, .output = dtype};
    made.layers = calloc(a->n_layers, sizeof *made.layers);
    enum status st = made.layers ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < a->n_layers && st == ST_OK; i++) {
        const struct model_tensor *w = &a->tensors[a->layers[i].weight], *b = w + 1;
        st = shim_group_parameter(group, w->offset, (size_t)w->n_dims, w->dims,
                                  &made.layers[i].weight, em);
        if (st == ST_OK)
            st = shim_group_parameter(group, b->offset, (size_t)b->n_dims, b->dims,
                                      &made.layers[i].bias, em);
    }
    if (st != ST_OK)
        free(made.layers);
    else
        *net = made;
    return st;
}

void network_release(struct network *net)
{
    free(net->layers);
    *net = (struct network){0};
}

static struct shim_tensor *activate(struct shim_scope *s, const struct architecture_layer *l,
                                    struct shim_tensor *x)
{
    return l->activated ? shim_leaky_relu(s, x, slope) : x;
}

/* (n, C, c, c) to (n, C * c * c) numbers. */
static struct shim_tensor *flatten(struct shim_scope *s, const struct architecture_layer *l,
                                   struct shim_tensor *x)
{
    int64_t dims[SHIM_DIMS_MAX] = {0};
    shim_dims(x, dims);
    const int64_t flat[] = {dims[0], (int64_t)l->n_in * l->size_in * l->size_in};
    return shim_reshape(s, x, 2, flat);
}

static struct shim_tensor *unflatten(struct shim_scope *s, const struct architecture_layer *l,
                                     struct shim_tensor *x)
{
    int64_t dims[SHIM_DIMS_MAX] = {0};
    shim_dims(x, dims);
    const int64_t square[] = {dims[0], l->n_out, l->size_out, l->size_out};
    return shim_channels_last(s, shim_reshape(s, x, 4, square), true);
}

static struct shim_tensor *apply(struct shim_scope *s, const struct architecture_layer *l,
                                 const struct network_layer *p, struct shim_tensor *x)
{
    const double behind = l->activated ? slope : no_slope;
    switch (l->kind) {
    case LAYER_HALVE:
        return shim_halve(s, x, p->weight, p->bias, behind);
    case LAYER_TWICE:
        return shim_twice(s, x, p->weight, p->bias, behind);
    case LAYER_SUBPIXEL:
        x = shim_conv2d(s, x, p->weight, p->bias, 1, l->kernel / 2);
        return activate(s, l, shim_pixel_shuffle(s, x, 2));
    case LAYER_CONV:
        return activate(s, l, shim_conv2d(s, x, p->weight, p->bias, 1, l->kernel / 2));
    case LAYER_NORM:
        return activate(s, l, shim_group_norm(s, x, l->groups, p->weight, p->bias, norm_eps));
    case LAYER_FLATTEN:
        return activate(s, l, shim_linear(s, flatten(s, l, x), p->weight, p->bias));
    case LAYER_UNFLATTEN:
        return activate(s, l, unflatten(s, l, shim_linear(s, x, p->weight, p->bias)));
    }
    return NULL;
}

/* Runs a part of the network; heads leave what they make in *out. */
static struct shim_tensor *walk(struct shim_scope *s, const struct network *net, int part,
                                struct shim_tensor *x, struct network_output *out)
{
    const struct architecture *a = net->architecture;
    struct shim_tensor *kept = NULL;
    for (size_t i = a->first_layer[part]; i < a->first_layer[part + 1]; i++) {
        const struct architecture_layer *l = &a->layers[i];
        if (l->residual == LAYER_KEEPS_INPUT)
            kept = x;
        struct shim_tensor *y = apply(s, l, &net->layers[i], x);
        if (l->output == LAYER_TO_PICTURE)
            out->pictures = shim_sigmoid(s, shim_to_dtype(s, y, net->output));
        else if (l->output == LAYER_TO_MASK)
            out->masks = shim_sigmoid(s, shim_to_dtype(s, y, net->output));
        else
            x = l->residual == LAYER_ADDS_KEPT ? shim_add(s, kept, y) : y;
    }
    return x;
}

struct shim_tensor *network_encode(struct shim_scope *s, const struct network *net,
                                   struct shim_tensor *pictures)
{
    return walk(s, net, MODEL_ENCODER, pictures, NULL);
}

struct network_output network_decode(struct shim_scope *s, const struct network *net, int person,
                                     struct shim_tensor *codes)
{
    struct network_output out = {0};
    walk(s, net, person == MODEL_A ? MODEL_DECODER_A : MODEL_DECODER_B, codes, &out);
    return out;
}
