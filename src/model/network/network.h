/*
 * The network, computed: the layers of an architecture in their order. Which layers these are
 * stands in src/model/architecture/encoder_decoder.c (add_encoder, add_decoder), what each of them
 * does in layers.h.
 */
#ifndef BIFRONS_MODEL_NETWORK_H
#define BIFRONS_MODEL_NETWORK_H

#include "model/architecture.h"
#include "shim/shim.h"

/* Layers [first, end), a level: what is computed again as a whole. */
struct network_piece {
    const struct network *network;
    size_t first, end;
};

struct network {
    const struct architecture *architecture;
    bool recompute; /* keep the pieces' inputs only, and compute the rest again in backward */
    enum shim_dtype output; /* the last activation is taken in this type, bf16 being too coarse */
    struct network_layer {
        struct shim_tensor *weight, *bias; /* the group's */
    } * layers;                            /* one for each of the architecture's */
    struct shim_tensor *mean_codes[2];     /* of A and B; NULL where the architecture has none */
    struct network_piece *pieces;
    size_t first_piece[MODEL_PARTS + 1];
};

struct network_output {
    struct shim_tensor *pictures; /* (n, 3, S, S) in [0, 1] */
    struct shim_tensor *masks;    /* (n, 1, S, S) in [0, 1]; NULL without a mask head */
};

/* The parameters of a, which outlives the network, as views of the group's flat memory. *net stays
 * where it is. ST_TORCH, ST_MEMORY. */
enum status network_init(struct network *net, const struct architecture *a,
                         struct shim_group *group, enum shim_dtype dtype, bool recompute,
                         struct errmsg *em) MUST_CHECK;
void network_release(struct network *net);

/* Pictures in [0, 1] to codes: (n, latent, c, c), or (n, latent) with the dense bottleneck. Results
 * are the scope's, as are errors. */
struct shim_tensor *network_encode(struct shim_scope *s, const struct network *net,
                                   struct shim_tensor *pictures);
/* Codes of one person's pictures as the other's in the same pose: codes + mean code of `to` - mean
 * code of `from`; as they are where the network knows no means. No gradient passes to the means. */
struct shim_tensor *network_move(struct shim_scope *s, const struct network *net, int from, int to,
                                 struct shim_tensor *codes);
/* How the faces are posed, z (n, 140), as predicted from their codes; NULL without model.pose. */
struct shim_tensor *network_pose(struct shim_scope *s, const struct network *net,
                                 struct shim_tensor *codes);
/* What such z adds to the codes that a decoder takes, in the shape of codes. */
struct shim_tensor *network_of_pose(struct shim_scope *s, const struct network *net,
                                    struct shim_tensor *z);
/* What the decoder of `to` takes where no points are known, of codes of pictures of `from`: they
 * are moved, and what their predicted pose adds is added. */
struct shim_tensor *network_for_decoder(struct shim_scope *s, const struct network *net, int from,
                                        int to, struct shim_tensor *codes);
/* Codes to pictures of a person: MODEL_A or MODEL_B. */
struct network_output network_decode(struct shim_scope *s, const struct network *net, int person,
                                     struct shim_tensor *codes);

#endif
