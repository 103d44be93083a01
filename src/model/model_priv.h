/* A model's insides, for model.c and checkpoint.c. */
#ifndef BIFRONS_MODEL_PRIV_H
#define BIFRONS_MODEL_PRIV_H

#include "discriminator.h"
#include "frozen.h"
#include "network.h"
#include "recorded.h"
#include "vgg.h"

enum { MODEL_DEVICE_NAME_MAX = 32 };

struct model {
    struct model_options options; /* device points to the name below */
    char device[MODEL_DEVICE_NAME_MAX];
    struct architecture *architecture;
    struct network network;
    struct trainable trainable;
    struct shim_group *group;
    struct shim_scope *scope;              /* of one call: reset at its end */
    struct vgg *vgg;                       /* of the perceptual loss; NULL without it */
    struct discriminators *discriminators; /* of the adversarial loss; NULL without it */
    bool against;                          /* does model_backward train against them? */
    struct model_flat flat;
    struct recorded recorded; /* with options.cuda_graph */
};

#endif
