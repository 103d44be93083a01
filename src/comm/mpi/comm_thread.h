/*
 * One thread that runs a communicator's collectives, in the order in which they were begun.
 *
 * After the first failure the ranks are out of step: the thread runs no more collectives, and those
 * begun later fail with the same message.
 */
#ifndef BIFRONS_COMM_THREAD_H
#define BIFRONS_COMM_THREAD_H

#include "comm_priv.h"

struct comm_request {
    struct comm_call call;
    void *range;         /* gather: the bytes of this rank */
    void *all;           /* gather: room for all bytes, on root */
    const size_t *sizes; /* gather: (world_size) bytes */
};

typedef enum status (*comm_run_fn)(void *context, const struct comm_request *r, struct errmsg *em);

struct comm_thread;

enum status comm_thread_new(comm_run_fn run, void *context, struct comm_thread **out,
                            struct errmsg *em) MUST_CHECK;
/*
 * Waits for the collectives that were begun, then frees the thread. With `abandon` it does neither:
 * the thread may hang in a collective with a rank that is gone.
 */
void comm_thread_free(struct comm_thread *t, bool abandon);

/* Begins r, and borrows its memory until it is done. Sequences must increase. Blocks while too many
 * requests are queued. */
void comm_thread_push(struct comm_thread *t, const struct comm_request *r);
/*
 * Waits for the request with that sequence. ST_OK: its status is in *outcome (its message in *em).
 * ST_AGAIN: deadline_s (negative: none) was over first; time in which this process is stopped does
 * not count.
 */
enum status comm_thread_wait(struct comm_thread *t, uint64_t sequence, double deadline_s,
                             enum status *outcome, struct errmsg *em) MUST_CHECK;
bool comm_thread_failed(struct comm_thread *t);

#endif
