/*
 * What a step computes, moves and keeps, counted from the configuration: the network layer by
 * layer, and the operations on whole pictures around it (augmentation, losses). Nothing here knows
 * a machine. docs/plan.md has each formula and where it comes from.
 *
 * A pair is one picture of A and one of B. FLOPs count a multiplication and an addition as two, of
 * the convolution as it is defined: an algorithm that needs fewer (Winograd's) shows as a higher
 * share of the machine's peak.
 */
#ifndef BIFRONS_DRIVER_PLAN_WORK_H
#define BIFRONS_DRIVER_PLAN_WORK_H

#include <stddef.h>

#include "config.h"

enum plan_part { PLAN_ENCODER, PLAN_DECODER_A, PLAN_DECODER_B, PLAN_PARTS };
enum { PLAN_LAYERS_MAX = 64, PLAN_LAYER_NAME_BYTES = 48 };

/* A convolution with its bias and activation. Elements and FLOPs are those of one picture. */
struct plan_layer {
    char name[PLAN_LAYER_NAME_BYTES];
    enum plan_part part;
    double pictures; /* that pass through it for each pair: 2 in the encoder, 1 in a decoder */
    double parameters;
    double in, out;      /* elements */
    double flops;        /* forward */
    bool input_gradient; /* backward computes one: not for the pictures themselves */
    bool activation;     /* an operation of its own, where layers are not fused */
};

/* The operations on whole pictures around the network, for one pair, in fp32. */
struct plan_pictures {
    double kept;                          /* elements of their results, alive until the step ends */
    double forward_moved, backward_moved; /* elements read and written */
    double forward_flops, backward_flops; /* of the convolutions among them */
    double forward_operations, backward_operations;
};

struct plan_work {
    size_t n_layers;
    struct plan_layer layers[PLAN_LAYERS_MAX]; /* in the order of forward */
    struct plan_pictures augmentation, losses;
    double encodings;    /* extra passes through encoder and decoders without gradients, for each
                            pair: of back-translation */
    double stored_bytes; /* of a pair as it is stored: pictures and masks */
};

/* ST_CONFIG where the network cannot be built. */
enum status plan_work_init(struct plan_work *w, const struct config *c,
                           struct errmsg *em) MUST_CHECK;

double plan_parameters(const struct plan_work *w, enum plan_part part);
double plan_parameters_all(const struct plan_work *w);
/* FLOPs of a pair, losses included. */
double plan_forward_flops(const struct plan_work *w);
double plan_backward_flops(const struct plan_work *w);
const char *plan_part_name(enum plan_part part);

#endif
