/*
 * Sums a flat gradient over ranks while backward is still at work on it.
 *
 *     struct reducer *r;
 *     enum status st = reducer_new(&options, &r, &em);
 *     if (st != ST_OK)
 *         return st;
 *     reducer_observe(r);
 *     backward();                              // its hook calls reducer_ready
 *     st = reducer_plan(r, &em);               // COLLECTIVE, once: buckets and their order
 *     for (int64_t step = 1; st == ST_OK && step <= steps; step++) {
 *         reducer_arm(r);
 *         backward();                          // the step's last: its hook sends buckets off
 *         st = reducer_flush(r, &em);          // COLLECTIVE: those that have not gone
 *         if (st == ST_OK)
 *             st = reducer_wait(r, &em);       // the sums are there
 *     }
 *     reducer_free(r);
 *
 * BUCKETS are ranges of the flat gradient, made of whole tensors: nothing is copied to be summed.
 * All ranks send them in one order, rank 0's order of readiness in the observed backward. A bucket
 * goes out as soon as its last tensor is final and all buckets before it have gone. A rank that has
 * no samples, or fails, never arms: reducer_flush sends all its buckets, so no rank waits in vain.
 *
 * THEIR SIZE is the one whose last sum arrives first, by the observed times of readiness and the
 * measured speed of the link; a fixed size overrides that. Where every bucket ends changes no bit
 * of a sum on the backends whose order of additions does not depend on it (comm.h).
 *
 * THREADS. One at a time, and begun collectives count as comm.h's "calls": between reducer_arm and
 * the end of that backward only the hook's thread calls, and the thread that runs backward is
 * blocked in it; at all other times only that thread. No lock is needed.
 */
#ifndef BIFRONS_COMM_REDUCER_H
#define BIFRONS_COMM_REDUCER_H

#include <stddef.h>

#include "comm/comm.h"

enum reducer_wire {
    REDUCER_WIRE_SAME, /* sums travel in the gradient's type */
    REDUCER_WIRE_BF16, /* rounded to bf16, summed in fp32, rounded once more; host memory only */
};

/* One tensor of the flat gradient. */
struct reducer_range {
    size_t first, count; /* elements */
};

struct reducer_options {
    struct comm *comm; /* borrowed, like all below but the list of tensors */
    void *gradients;
    size_t count;                        /* elements */
    enum comm_dtype dtype;               /* COMM_F32 or COMM_F64 */
    void *stream;                        /* the gradient's; NULL for host memory */
    const struct reducer_range *tensors; /* (n_tensors), ascending, covering [0, count) */
    size_t n_tensors;
    size_t bucket_bytes; /* of gradient; 0: planned */
    enum reducer_wire wire;
    bool scatter; /* each rank gets the sums of its shard of each bucket only (comm_shard) */
};

struct reducer;

/* ST_MEMORY; ST_CONFIG for a bf16 wire on another type or off the host. */
enum status reducer_new(const struct reducer_options *o, struct reducer **out,
                        struct errmsg *em) MUST_CHECK;
void reducer_free(struct reducer *r);

/* The next backward tells order and times of readiness. */
void reducer_observe(struct reducer *r);
/*
 * COLLECTIVE. Measures the link (with the gradient as its load: its values are lost), plans on rank
 * 0 and shares the plan. ST_INTERNAL on all ranks where one rank's gradient, type or tensors differ
 * from rank 0's: the message names rank and bucket.
 */
enum status reducer_plan(struct reducer *r, struct errmsg *em) MUST_CHECK;
/* "4 buckets of 0.1 to 9.8 MiB, planned from …": how the plan came about; of rank 0. */
const char *reducer_get_description(const struct reducer *r);
/* Buckets in the order they go out. */
size_t reducer_buckets(const struct reducer *r, const struct reducer_range **buckets_out);

/* The next backward is the step's last: its hooks send buckets off. */
void reducer_arm(struct reducer *r);
/* The hook: the gradient of this tensor is final. Does nothing but when observing or armed. */
void reducer_ready(void *reducer, size_t first, size_t count);
/* COLLECTIVE with the hooks' sends: begins every bucket that has not gone. Fails where a hook's
 * send failed. */
enum status reducer_flush(struct reducer *r, struct errmsg *em) MUST_CHECK;
/* Waits for all buckets. ST_PEER. */
enum status reducer_wait(struct reducer *r, struct errmsg *em) MUST_CHECK;

#endif
