#include "network.h"

#include <stdlib.h>

#include "layers.h"
#include "model/model.h"

#include "base/poison.h"

static void find_pieces(struct network *net)
{
    const struct architecture *a = net->architecture;
    size_t n = 0;
    for (int part = 0; part < MODEL_PARTS; part++) {
        net->first_piece[part] = n;
        for (size_t i = a->first_layer[part]; i < a->first_layer[part + 1]; i++) {
            if (a->layers[i].begins_piece)
                net->pieces[n++] = (struct network_piece){net, i, i};
            /* n > 0: the first layer of a part begins a piece (add in encoder_decoder.c) */
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
        x = layer_apply(s, l, net->layers[i].weight, net->layers[i].bias, x);
        if (l->residual == LAYER_ADDS_KEPT)
            x = shim_add(s, kept, x);
    }
    return x;
}

/* Runs a part's pieces in order; the heads store picture and mask in *out. */
static struct shim_tensor *run_part(struct shim_scope *s, const struct network *net, int part,
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
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): parts with heads get an out */
        *head = shim_sigmoid(s, y);
    }
    return x;
}

/* (n, 3, S, S) to (n, latent, c, c), or (n, latent): add_encoder in encoder_decoder.c. */
struct shim_tensor *network_encode(struct shim_scope *s, const struct network *net,
                                   struct shim_tensor *pictures)
{
    return run_part(s, net, MODEL_ENCODER, pictures, NULL);
}

struct shim_tensor *network_move(struct shim_scope *s, const struct network *net, int from, int to,
                                 struct shim_tensor *codes)
{
    if (!net->architecture->mean_codes || from == to)
        return codes;
    struct shim_tensor *way = shim_sub(s, net->mean_codes[to], net->mean_codes[from]);
    return shim_add(s, codes, shim_detach(s, way));
}

static struct shim_tensor *run_pose(struct shim_scope *s, const struct network *net, size_t which,
                                    struct shim_tensor *x)
{
    size_t i = net->architecture->first_layer[MODEL_POSE] + which;
    return layer_apply(s, &net->architecture->layers[i], net->layers[i].weight, net->layers[i].bias,
                       x);
}

struct shim_tensor *network_predict_pose(struct shim_scope *s, const struct network *net,
                                         struct shim_tensor *codes)
{
    return net->architecture->pose_scale ? run_pose(s, net, POSE_FROM_CODE, codes) : NULL;
}

struct shim_tensor *network_pose_to_code(struct shim_scope *s, const struct network *net,
                                         struct shim_tensor *z)
{
    return run_pose(s, net, POSE_TO_CODE, z);
}

/* (n, latent, c, c), or (n, latent), to (n, 3, S, S) and (n, 1, S, S): add_decoder in
 * encoder_decoder.c. */
struct network_output network_decode(struct shim_scope *s, const struct network *net, int person,
                                     struct shim_tensor *codes)
{
    struct network_output out = {0};
    run_part(s, net, person == MODEL_A ? MODEL_DECODER_A : MODEL_DECODER_B, codes, &out);
    return out;
}
