#include "network.h"

#include "base/poison.h"

static const double slope = 0.2, no_slope = 1.0; /* of LeakyReLU */

enum status network_init(struct network *net, const struct layout *l, struct shim_group *group,
                         enum shim_dtype dtype, struct errmsg *em)
{
    *net = (struct network){.n_layers = l->n_layers, .output = dtype};
    enum status st = ST_OK;
    for (int part = 0; part < PARTS; part++)
        for (int i = 0; i < l->n_layers && st == ST_OK; i++) {
            const struct model_tensor *w = &l->tensors[layout_weight(l, part, i)], *b = w + 1;
            st = shim_group_parameter(group, w->offset, (size_t)w->n_dims, w->dims,
                                      &net->layers[part][i].weight, em);
            if (st == ST_OK)
                st = shim_group_parameter(group, b->offset, (size_t)b->n_dims, b->dims,
                                          &net->layers[part][i].bias, em);
        }
    return st;
}

struct shim_tensor *network_encode(struct shim_scope *s, const struct network *net,
                                   struct shim_tensor *x)
{
    for (int i = 0; i < net->n_layers; i++)
        x = shim_halve(s, x, net->layers[PART_ENCODER][i].weight, net->layers[PART_ENCODER][i].bias,
                       slope);
    return x;
}

struct shim_tensor *network_decode(struct shim_scope *s, const struct network *net, int person,
                                   struct shim_tensor *x)
{
    int part = person == MODEL_A ? PART_DECODER_A : PART_DECODER_B;
    for (int i = 0; i < net->n_layers; i++)
        x = shim_twice(s, x, net->layers[part][i].weight, net->layers[part][i].bias,
                       i + 1 < net->n_layers ? slope : no_slope);
    return shim_sigmoid(s, shim_to_dtype(s, x, net->output));
}
