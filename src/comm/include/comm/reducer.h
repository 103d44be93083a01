/*
 * Sums a flat gradient over ranks while backward still computes the rest of it.
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
 *         backward();                          // the step's last one: its hook sends buckets
 *         st = reducer_flush(r, &em);          // COLLECTIVE: sends the buckets that are left
 *         if (st == ST_OK)
 *             st = reducer_wait(r, &em);       // the sums are there
 *     }
 *     reducer_free(r);
 *
 * BUCKETS are ranges of the flat gradient, made of whole tensors, and are summed in place. All
 * ranks send them in the same order: the order in which gradients became final on rank 0 in the
 * observed backward. A bucket is sent when its last tensor is final and all earlier buckets have
 * been sent. A rank that has no samples, or fails, does not arm: reducer_flush then sends all its
 * buckets, so that no rank waits in vain.
 *
 * BUCKET SIZES are planned so that the last sum ends as early as possible, from the observed times
 * and the measured speed of the link; bucket_bytes overrides the plan. With backend mpi the sizes
 * change no bit of a sum; with NCCL they may (comm.h).
 *
 * THREADS. One thread at a time, no lock. Between reducer_arm and the end of that backward only the
 * hook's thread calls the reducer and comm; the thread that runs backward is blocked. At all other
 * times only the thread that runs backward calls them.
 */
#ifndef BIFRONS_COMM_REDUCER_H
#define BIFRONS_COMM_REDUCER_H

#include <stddef.h>

#include "comm/comm.h"

enum reducer_wire {
    REDUCER_WIRE_SAME, /* gradients are sent in their own type */
    REDUCER_WIRE_BF16, /* gradients are sent in bf16 and summed in fp32; host memory only */
};

/* One tensor of the flat gradient. */
struct reducer_range {
    size_t first, count; /* elements */
};

struct reducer_options {
    struct comm *comm;     /* borrowed */
    void *gradients;       /* borrowed */
    size_t count;          /* elements */
    enum comm_dtype dtype; /* COMM_F32 or COMM_F64 */
    void *stream;          /* that produces the gradient; NULL for host memory */
    /* Makes `stream` wait for what backward has queued on other streams so far. Called before a
     * bucket is sent. NULL: backward uses one stream. */
    void (*join_streams)(void *context);
    void *context;                       /* of join_streams */
    const struct reducer_range *tensors; /* (n_tensors), ascending, covering [0, count); copied */
    size_t n_tensors;
    size_t bucket_bytes; /* bytes of gradient in a bucket, at most; 0: planned */
    enum reducer_wire wire;
    bool scatter; /* sum each bucket by reduce_scatter: a rank gets its shard only (comm_shard) */
};

struct reducer;

/* ST_MEMORY. ST_CONFIG: REDUCER_WIRE_BF16 with another type than fp32, or on a GPU. */
enum status reducer_new(const struct reducer_options *o, struct reducer **out,
                        struct errmsg *em) MUST_CHECK;
void reducer_free(struct reducer *r);

/* Makes the next backward record in which order, and when, gradients become final. */
void reducer_observe(struct reducer *r);
/*
 * COLLECTIVE. Measures the link, plans on rank 0 and shares the plan. The measurement overwrites
 * the gradient. ST_INTERNAL on all ranks if a rank's gradient, type or tensors differ from rank
 * 0's: the message names the rank and the bucket.
 */
enum status reducer_plan(struct reducer *r, struct errmsg *em) MUST_CHECK;
/* For the log, on rank 0: "4 buckets of 0.1 to 9.8 MiB, planned from …"; with one rank, that
 * nothing is summed. Borrowed. */
const char *reducer_get_description(const struct reducer *r);
/* The number of buckets, and the buckets in the order in which they are sent. */
size_t reducer_buckets(const struct reducer *r, const struct reducer_range **buckets_out);

/* Makes the hook send buckets during the next backward, the last one of the step. */
void reducer_arm(struct reducer *r);
/* The hook: the gradient of this tensor is final. Ignored unless observing or armed. */
void reducer_ready(void *reducer, size_t first, size_t count);
/* COLLECTIVE, together with what the hook has sent: begins the buckets that are left. Returns the
 * failure of the hook, if it had one. */
enum status reducer_flush(struct reducer *r, struct errmsg *em) MUST_CHECK;
/* Waits until all buckets are summed. ST_PEER. */
enum status reducer_wait(struct reducer *r, struct errmsg *em) MUST_CHECK;

#endif
