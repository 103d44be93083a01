/* The fields of a model, for model.c and the files of checkpoints. */
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
    struct shim_scope *scope;              /* its tensors live for one call */
    struct vgg *vgg;                       /* for the perceptual loss; NULL without it */
    struct discriminators *discriminators; /* for the adversarial loss; NULL without it */
    bool against;                          /* model_set_discriminators */
    int passes;                            /* since the gradients were set to zero */
    bool only_adds; /* gradients are never written: a step has several passes, of one graph */
    struct model_flat flat;
    struct recorded recorded; /* with options.cuda_graph */
};

#endif
