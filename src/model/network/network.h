/*
 * Computes the network: the layers of an architecture in order. Which layers: add_encoder and
 * add_decoder in src/model/architecture/encoder_decoder.c. What each computes: layers.h.
 */
#ifndef BIFRONS_MODEL_NETWORK_H
#define BIFRONS_MODEL_NETWORK_H

#include "model/architecture.h"
#include "shim/shim.h"

/* Layers [first, end): a level. With recompute, backward computes it again as a whole. */
struct network_piece {
    const struct network *network;
    size_t first, end;
};

struct network {
    const struct architecture *architecture;
    bool recompute; /* keep only the pieces' inputs, and compute the rest again in backward */
    enum shim_dtype output; /* type of the last activation; bf16 is too coarse for it */
    struct network_layer {
        struct shim_tensor *weight, *bias; /* the group's */
    } * layers;                            /* one for each layer of the architecture */
    struct shim_tensor *mean_codes[2];     /* of A and B; NULL: the architecture has none */
    struct network_piece *pieces;
    size_t first_piece[MODEL_PARTS + 1];
};

struct network_output {
    struct shim_tensor *pictures; /* (n, 3, S, S) in [0, 1] */
    struct shim_tensor *masks;    /* (n, 1, S, S) in [0, 1]; NULL without a mask head */
};

/* Opens the network of a, which must outlive it; parameters are views of the group's flat memory.
 * Do not move *net afterwards. ST_TORCH, ST_MEMORY. */
enum status network_init(struct network *net, const struct architecture *a,
                         struct shim_group *group, enum shim_dtype dtype, bool recompute,
                         struct errmsg *em) MUST_CHECK;
void network_release(struct network *net);

/* Pictures in [0, 1] to codes: (n, latent, c, c), or (n, latent) with the dense bottleneck. Results
 * and errors are the scope's. */
struct shim_tensor *network_encode(struct shim_scope *s, const struct network *net,
                                   struct shim_tensor *pictures);
/* Moves codes from one person to the other in the same pose: codes + mean code of `to` - mean code
 * of `from`; unchanged without mean codes. No gradient passes to the mean codes. */
struct shim_tensor *network_move(struct shim_scope *s, const struct network *net, int from, int to,
                                 struct shim_tensor *codes);
/* The pose z (n, 140) of the faces, predicted from their codes; NULL without model.pose. */
struct shim_tensor *network_predict_pose(struct shim_scope *s, const struct network *net,
                                         struct shim_tensor *codes);
/* What z adds to the codes that a decoder takes, in the shape of codes. */
struct shim_tensor *network_pose_to_code(struct shim_scope *s, const struct network *net,
                                         struct shim_tensor *z);
/* Codes to pictures of a person, MODEL_A or MODEL_B. */
struct network_output network_decode(struct shim_scope *s, const struct network *net, int person,
                                     struct shim_tensor *codes);

#endif
