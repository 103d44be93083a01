/*
 * One thread that does a communicator's collectives, in the order in which they were begun.
 *
 * The first failure is the last collective: ranks are out of step from there on, so whatever was
 * begun after it fails with the same message, and nothing more is done.
 */
#ifndef BIFRONS_COMM_THREAD_H
#define BIFRONS_COMM_THREAD_H

#include "comm_priv.h"

struct comm_request {
    struct comm_call call;
    void *range;         /* gather: what this rank gives */
    void *all;           /* gather: where root gets it */
    const size_t *sizes; /* gather: (world_size) bytes */
};

typedef enum status (*comm_run_fn)(void *context, const struct comm_request *r, struct errmsg *em);

struct comm_thread;

enum status comm_thread_new(comm_run_fn run, void *context, struct comm_thread **out,
                            struct errmsg *em) MUST_CHECK;
/*
 * Waits for what was begun, or, where `abandon`, leaves the thread (stuck in a collective, it may
 * be, with a peer that is gone) and its memory to the end of the process.
 */
void comm_thread_free(struct comm_thread *t, bool abandon);

/* Begins r; sequences grow. Waits where very many are begun. ranges stay the caller's problem. */
void comm_thread_push(struct comm_thread *t, const struct comm_request *r);
/*
 * Waits for the request of that sequence. ST_OK and its outcome in *outcome (message in *em), or
 * ST_AGAIN when deadline_s (negative: none) went by first.
 */
enum status comm_thread_wait(struct comm_thread *t, uint64_t sequence, double deadline_s,
                             enum status *outcome, struct errmsg *em) MUST_CHECK;
bool comm_thread_failed(struct comm_thread *t);

#endif
