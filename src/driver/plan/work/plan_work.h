/*
 * What a step computes, moves and keeps, counted from the configuration: the layers of the network,
 * and the operations on whole pictures (augmentation, losses). Independent of any machine.
 * docs/plan.md has each formula and its source.
 *
 * A pair is one picture of A and one of B. FLOPs count a multiplication and an addition as two, of
 * the convolution as defined: an algorithm that needs fewer (Winograd's) appears as a higher share
 * of the machine's peak.
 */
#ifndef BIFRONS_DRIVER_PLAN_WORK_H
#define BIFRONS_DRIVER_PLAN_WORK_H

#include <stddef.h>

#include "config.h"

enum plan_part {
    PLAN_ENCODER,
    PLAN_DECODER_A,
    PLAN_DECODER_B,
    PLAN_POSE,    /* without model.pose it has no layers */
    PLAN_NETWORK, /* the parts before it make up the model */
    PLAN_PERCEPTUAL = PLAN_NETWORK,
    PLAN_DISCRIMINATORS, /* both discriminators */
    PLAN_PARTS
};
enum { PLAN_LAYERS_MAX = 640, PLAN_LAYER_NAME_BYTES = 48 };

/* An operation with parameters and its activation. Elements and FLOPs are those of one picture. */
struct plan_layer {
    char name[PLAN_LAYER_NAME_BYTES];
    enum plan_part part;
    double parameters;
    double channels_in, channels_out;
    double in, out;          /* elements */
    double flops;            /* forward */
    double results;          /* tensors of `out` elements that forward keeps on a GPU */
    double cpu_results;      /* the same on a CPU */
    bool begins_piece, head; /* pieces of recomputation, see model/architecture.h; the results of a
                              * head are all kept */
    /* numbers of passes for each pair: */
    double forward;          /* forward, with a backward pass later */
    double plain;            /* forward, without backward */
    double input_gradients;  /* of the input */
    double weight_gradients; /* of the parameters */
};

/* The operations on whole pictures, for one pair, in fp32. */
struct plan_pictures {
    double kept;                          /* elements of their results, alive until the step ends */
    double forward_moved, backward_moved; /* elements read and written */
    double forward_flops, backward_flops; /* of the convolutions among them */
    double forward_operations, backward_operations;
};

struct plan_work {
    size_t n_layers;
    struct plan_layer layers[PLAN_LAYERS_MAX]; /* in the order of forward */
    double mean_codes, pose_scale;             /* parameters outside of layers */
    struct plan_pictures augmentation, losses;
    double stored_bytes; /* of a pair as it is stored: pictures and masks */
};

/* ST_CONFIG if the network cannot be built. */
enum status plan_work_init(struct plan_work *w, const struct config *c,
                           struct errmsg *em) MUST_CHECK;

double plan_parameters(const struct plan_work *w, enum plan_part part);
/* The parameters of encoder and decoders. */
double plan_parameters_all(const struct plan_work *w);
/* FLOPs of a layer for a pair. */
double plan_layer_forward_flops(const struct plan_layer *l);
double plan_layer_backward_flops(const struct plan_layer *l);
/* FLOPs of a pair, losses included. */
double plan_forward_flops(const struct plan_work *w);
double plan_backward_flops(const struct plan_work *w);
/* FLOPs that train.recompute computes again in backward. */
double plan_recomputed_flops(const struct plan_work *w);
/* True if recomputation need not keep the results of this layer. */
bool plan_layer_recomputable(const struct plan_layer *l);
const char *plan_part_name(enum plan_part part);

#endif
