/*
 * The memory of a rank, term by term, in bytes. State: flat fp32 arrays, see model/model.h.
 * Activations: all results of a micro-batch, because they are kept until the scope of the step is
 * reset.
 */
#ifndef BIFRONS_DRIVER_PLAN_MEMORY_H
#define BIFRONS_DRIVER_PLAN_MEMORY_H

#include <stdint.h>

#include "cluster.h"
#include "plan_work.h"

/* How the work is divided. */
struct plan_run {
    int64_t ranks, global_batch, accumulate;
    bool zero, ema, bf16;
    bool recompute;          /* levels are computed again in backward */
    bool bf16_wire;          /* gradients travel as bf16 */
    bool overlapped;         /* gradients are sent during backward, except with a graph */
    enum config_graph graph; /* train.cuda_graph */
};

/* train.precision = "auto" is bf16. */
struct plan_run plan_run_of(const struct config *c, int64_t ranks);
/* Pairs of the rank with most, in a step and in a micro-batch. */
int64_t plan_share(const struct plan_run *r);
int64_t plan_micro(const struct plan_run *r);

struct plan_memory {
    double parameters, gradients, moments; /* fp32; with zero, a shard of the moments */
    double casts;                          /* bf16 copies of the parameters */
    double frozen;                         /* the network of the perceptual loss */
    double discriminator; /* the discriminators' parameters, gradients and moments */
    double activations;   /* results of the network's layers */
    double pictures;      /* of augmentation and losses */
    double workspace;     /* gradients of activations, and of the weights of one layer at a time */
    double reserved;      /* by libraries: device.reserved_gb */
    double total;         /* of a rank's device */
    double copy; /* rank 0's copy of the state for the checkpoint being written: host memory */
};

/* True if a GPU would use a CUDA graph. */
bool plan_takes_graph(const struct plan_work *w, const struct plan_run *r);

/* cluster NULL: a GPU without a reserve. */
struct plan_memory plan_memory_of(const struct plan_work *w, const struct plan_run *r,
                                  const struct cluster *cluster);
/* True if there is enough memory on the device and, with rank 0's copy, on the node. */
bool plan_fits(const struct plan_memory *m, const struct plan_run *r,
               const struct cluster *cluster);

#endif
