/*
 * The memory a rank needs, term by term, in bytes. State: flat fp32 arrays, see model/model.h.
 * Activations: results live until their step's scope is reset, so all of a micro-batch's count.
 */
#ifndef BIFRONS_DRIVER_PLAN_MEMORY_H
#define BIFRONS_DRIVER_PLAN_MEMORY_H

#include <stdint.h>

#include "cluster.h"
#include "plan_work.h"

/* How the work is shared out. */
struct plan_run {
    int64_t ranks, global_batch, accumulate;
    bool zero, ema, bf16;
    bool recompute;          /* levels are computed again in backward */
    bool bf16_wire;          /* gradients travel as bf16 */
    bool overlapped;         /* they travel while backward goes on, but for a graph's */
    enum config_graph graph; /* may forward and backward be one CUDA graph? */
};

/* train.precision = "auto" is bf16. */
struct plan_run plan_run_of(const struct config *c, int64_t ranks);
/* Pairs of the rank that has most, in a step and in a micro-batch. */
int64_t plan_share(const struct plan_run *r);
int64_t plan_micro(const struct plan_run *r);

struct plan_memory {
    double parameters, gradients, moments; /* fp32; with zero, a share of the moments */
    double casts;                          /* bf16 copies of the parameters */
    double frozen;                         /* the perceptual loss's network */
    double adversary;   /* the discriminators' parameters, gradients and moments */
    double activations; /* results of the network's layers */
    double pictures;    /* of augmentation and losses */
    double
        workspace;   /* gradients of activations and of one layer's weights while it is worked on */
    double reserved; /* by libraries: device.reserved_gb */
    double total;    /* of a rank's device */
    double copy;     /* rank 0's copy of the state for the checkpoint being written: host memory */
};

/* Is train.cuda_graph in effect, on a GPU? */
bool plan_takes_graph(const struct plan_work *w, const struct plan_run *r);

/* cluster NULL: a GPU without a reserve. */
struct plan_memory plan_memory_of(const struct plan_work *w, const struct plan_run *r,
                                  const struct cluster *cluster);
/* Is there room, on the device and, with rank 0's copy, in the node's memory? */
bool plan_fits(const struct plan_memory *m, const struct plan_run *r,
               const struct cluster *cluster);

#endif
