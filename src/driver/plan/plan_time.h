/*
 * How long a step takes on a cluster. Each operation costs
 *
 *     FLOPs / (peak * fraction) + bytes / (bandwidth * fraction) + kernel_s
 *
 * of a device's time, computing and moving of one operation added up rather than the longer taken
 * (the pessimistic end of the roofline: Williams et al., "Roofline", 2009), and launch_s of the
 * host's. On a CPU that is added; a GPU's host runs ahead, and what it needs longer than the device
 * is added.
 *
 * Sums over ranks follow Hockney's model of a link with the bandwidth-optimal number of bytes
 * (Thakur et al., "Optimization of collective communication operations in MPICH", 2005), within
 * nodes, then between them; buckets go out while backward goes on, as comm/reducer.h plans them.
 */
#ifndef BIFRONS_DRIVER_PLAN_TIME_H
#define BIFRONS_DRIVER_PLAN_TIME_H

#include "plan_memory.h"

/* What there is to do, without rates: bench/plan fits rates to it. */
struct plan_cost {
    double flops, bytes, operations;
};

/* Seconds of a step on the rank that has most to do. */
struct plan_step {
    double augmentation, forward, backward, losses;
    double update;  /* the optimizer, and passes over the flat arrays around it */
    double exposed; /* communication that the rank waits for ... */
    double hidden;  /* ... and that goes on behind backward */
    double slowed;  /* by what is hidden */
    double data;    /* reading pictures */
    double host;    /* what the host adds: issuing operations, and step_ms */
    double total;
    struct plan_cost compute, arithmetic; /* of the whole step; arithmetic: of its convolutions */
    double reduced_bytes;                 /* of gradients, a rank and step */
    double sent_bytes;                    /* by a rank, for that */
    double stored_bytes;                  /* of pictures that a rank reads */
};

struct plan_step plan_step_of(const struct plan_work *w, const struct plan_run *r,
                              const struct cluster *c);

/* Nodes and ranks on each that a number of ranks needs; ranks beyond the devices share them. */
struct plan_placement {
    double nodes, ranks_a_node;
    double share; /* ranks that share a device, at least 1 */
};
struct plan_placement plan_place(double ranks, const struct cluster *c);
/* Seconds of a sum of bytes over all ranks. */
double plan_all_reduce_s(double bytes, double ranks, const struct cluster *c);

#endif
