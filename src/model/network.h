/*
 * The network:
 *
 *     encoder   (n, 3, S, S)  r128  r64  r32  r16  r8   (n, latent, 4, 4)
 *     decoder   (n, latent, 4, 4)  r8  r16  r32  r64  r128   (n, 3, S, S)
 *
 * A layer is a 4 x 4 convolution of stride 2 with bias, transposed in the decoders; LeakyReLU of
 * slope 0.2 behind each but a decoder's last, which ends in a sigmoid.
 */
#ifndef BIFRONS_MODEL_NETWORK_H
#define BIFRONS_MODEL_NETWORK_H

#include "layout.h"
#include "shim/shim.h"

struct network {
    int n_layers;
    enum shim_dtype output; /* the last activation is taken in this type, bf16 being too coarse */
    struct {
        struct shim_tensor *weight, *bias; /* the group's */
    } layers[PARTS][LAYOUT_LAYERS_MAX];
};

/* The parameters of l as views of the group's flat memory. ST_TORCH, ST_MEMORY. */
enum status network_init(struct network *net, const struct layout *l, struct shim_group *group,
                         enum shim_dtype dtype, struct errmsg *em) MUST_CHECK;

/* Pictures in [0, 1] to codes. Results are the scope's, as are errors. */
struct shim_tensor *network_encode(struct shim_scope *s, const struct network *net,
                                   struct shim_tensor *pictures);
/* Codes to pictures in [0, 1] of a person: MODEL_A or MODEL_B. */
struct shim_tensor *network_decode(struct shim_scope *s, const struct network *net, int person,
                                   struct shim_tensor *codes);

#endif
