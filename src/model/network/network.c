#include "network.h"

#include <stdlib.h>

#include "model/model.h"

#include "base/poison.h"

static const double slope = 0.2, no_slope = 1.0; /* of LeakyReLU */
static const double norm_eps = 1e-5;

static void find_pieces(struct network *net)
{
    const struct architecture *a = net->architecture;
    size_t n = 0;
    for (int part = 0; part < MODEL_PARTS; part++) {
        net->first_piece[part] = n;
        for (size_t i = a->first_layer[part]; i < a->first_layer[part + 1]; i++) {
            if (i == a->first_layer[part] || architecture_begins_piece(&a->layers[i]))
                net->pieces[n++] = (struct network_piece){net, i, i};
            net->pieces[n - 1].end = i + 1;
        }
    }
    net->first_piece[MODEL_PARTS] = n;
}

enum status network_init(struct network *net, const struct architecture *a,
                         struct shim_group *group, enum shim_dtype dtype, bool recompute,
                         struct errmsg *em)
{
    *net = (struct network){.architecture = a, .recompute = recompute, .output = dtype};
    net->layers = calloc(a->n_layers, sizeof *net->layers);
    net->pieces = calloc(a->n_layers, sizeof *net->pieces);
    enum status st = net->layers && net->pieces ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < a->n_layers && st == ST_OK; i++) {
        const struct model_tensor *w = &a->tensors[a->layers[i].weight], *b = w + 1;
        st = shim_group_parameter(group, w->offset, (size_t)w->n_dims, w->dims,
                                  &net->layers[i].weight, em);
        if (st == ST_OK)
            st = shim_group_parameter(group, b->offset, (size_t)b->n_dims, b->dims,
                                      &net->layers[i].bias, em);
    }
    for (int who = 0; who < MODEL_PEOPLE && a->mean_codes && st == ST_OK; who++) {
        const struct model_tensor *t = &a->mean_codes[who];
        st = shim_group_parameter(group, t->offset, (size_t)t->n_dims, t->dims,
                                  &net->mean_codes[who], em);
    }
    if (st == ST_OK)
        find_pieces(net);
    else
        network_release(net);
    return st;
}

void network_release(struct network *net)
{
    free(net->layers);
    free(net->pieces);
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
        return shim_pixel_shuffle(s, shim_keep(s, x, p->weight, p->bias, behind), 2);
    case LAYER_CONV:
        return shim_keep(s, x, p->weight, p->bias, behind);
    case LAYER_NORM:
        return activate(s, l, shim_group_norm(s, x, l->groups, p->weight, p->bias, norm_eps));
    case LAYER_FLATTEN:
        return activate(s, l, shim_linear(s, flatten(s, l, x), p->weight, p->bias));
    case LAYER_UNFLATTEN:
        return activate(s, l, unflatten(s, l, shim_linear(s, x, p->weight, p->bias)));
    }
    return NULL;
}

/* ctx: a struct network_piece. */
static struct shim_tensor *run_piece(struct shim_scope *s, const void *ctx, struct shim_tensor *x)
{
    const struct network_piece *piece = ctx;
    const struct network *net = piece->network;
    struct shim_tensor *kept = NULL;
    for (size_t i = piece->first; i < piece->end; i++) {
        const struct architecture_layer *l = &net->architecture->layers[i];
        if (l->residual == LAYER_KEEPS_INPUT)
            kept = x;
        x = apply(s, l, &net->layers[i], x);
        if (l->residual == LAYER_ADDS_KEPT)
            x = shim_add(s, kept, x);
    }
    return x;
}

/* Runs a part of the network; heads leave what they make in *out. */
static struct shim_tensor *walk(struct shim_scope *s, const struct network *net, int part,
                                struct shim_tensor *x, struct network_output *out)
{
    for (size_t i = net->first_piece[part]; i < net->first_piece[part + 1]; i++) {
        const struct network_piece *piece = &net->pieces[i];
        enum layer_output output = net->architecture->layers[piece->first].output;
        if (output == LAYER_TO_NEXT) {
            x = net->recompute ? shim_recompute(s, run_piece, piece, x) : run_piece(s, piece, x);
            continue;
        }
        struct shim_tensor *y = shim_to_dtype(s, run_piece(s, piece, x), net->output);
        struct shim_tensor **head = output == LAYER_TO_PICTURE ? &out->pictures : &out->masks;
        *head = shim_sigmoid(s, y);
    }
    return x;
}

struct shim_tensor *network_encode(struct shim_scope *s, const struct network *net,
                                   struct shim_tensor *pictures)
{
    return walk(s, net, MODEL_ENCODER, pictures, NULL);
}

struct shim_tensor *network_move(struct shim_scope *s, const struct network *net, int from, int to,
                                 struct shim_tensor *codes)
{
    if (!net->architecture->mean_codes || from == to)
        return codes;
    struct shim_tensor *way = shim_sub(s, net->mean_codes[to], net->mean_codes[from]);
    return shim_add(s, codes, shim_detach(s, way));
}

struct network_output network_decode(struct shim_scope *s, const struct network *net, int person,
                                     struct shim_tensor *codes)
{
    struct network_output out = {0};
    walk(s, net, person == MODEL_A ? MODEL_DECODER_A : MODEL_DECODER_B, codes, &out);
    return out;
}
