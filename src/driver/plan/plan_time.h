/*
 * How long a step takes on a cluster. Each operation costs
 *
 *     FLOPs / (peak * fraction) + bytes / (bandwidth * fraction) + kernel_s
 *
 * of the device's time. Computing and moving are added, instead of taking the longer one (a
 * pessimistic roofline: Williams et al., "Roofline", 2009). Each operation also costs launch_s of
 * the host's time. On a CPU that is added. A GPU's host runs ahead: only the time by which it is
 * slower than the device is added.
 *
 * Sums over ranks follow Hockney's model of a link with the bandwidth-optimal number of bytes
 * (Thakur et al., "Optimization of collective communication operations in MPICH", 2005), within
 * nodes, then between them. Buckets are sent during backward, as comm/reducer.h plans them.
 */
#ifndef BIFRONS_DRIVER_PLAN_TIME_H
#define BIFRONS_DRIVER_PLAN_TIME_H

#include "plan_memory.h"

/* The work, without rates: bench/plan fits rates to it. */
struct plan_cost {
    double flops, bytes, operations;
};

/* Seconds of a step on the rank with most work. */
struct plan_step {
    double augmentation, forward, backward, losses;
    double update;  /* the optimizer, and other passes over the flat arrays */
    double exposed; /* communication that the rank waits for */
    double hidden;  /* communication during backward */
    double slowed;  /* how much that slows backward down */
    double data;    /* reading pictures */
    double host;    /* added by the host: issuing operations, and step_ms */
    double total;
    struct plan_cost compute, arithmetic; /* of the whole step; arithmetic: of its convolutions */
    double reduced_bytes;                 /* of gradients, a rank and step */
    double sent_bytes;                    /* by a rank, for these sums */
    double stored_bytes;                  /* of pictures that a rank reads */
};

struct plan_step plan_step_of(const struct plan_work *w, const struct plan_run *r,
                              const struct cluster *c);

/* The nodes for a number of ranks, and the ranks on each. If there are more ranks than devices,
 * they share devices. */
struct plan_placement {
    double nodes, ranks_a_node;
    double share; /* ranks that share a device, at least 1 */
};
struct plan_placement plan_place(double ranks, const struct cluster *c);
/* Seconds of a sum of bytes over all ranks. */
double plan_all_reduce_s(double bytes, double ranks, const struct cluster *c);

#endif
