/*
 * One thread that does one job at a time beside the training loop.
 *
 *     enum status st = worker_new(&w, &em);
 *     if (st != ST_OK)
 *         return st;
 *     worker_start(w, write_it, &job);        // only while idle; what the job uses is the thread's
 *     if (worker_wait(w, 0))                  // idle again: what the job left is ours
 *         tell_outcome(&job);
 *     worker_free(w);                         // waits for a job that runs
 *
 * The thread takes no signals: those are the main thread's.
 */
#ifndef BIFRONS_DRIVER_TRAIN_WORKER_H
#define BIFRONS_DRIVER_TRAIN_WORKER_H

#include <stdbool.h>

#include "base/status.h"

struct worker;

#define WORKER_NO_DEADLINE (-1.0)

/* ST_MEMORY; ST_INTERNAL where there are no more threads. */
enum status worker_new(struct worker **out, struct errmsg *em) MUST_CHECK;
void worker_free(struct worker *w);
/* Starts fn(ctx) in the thread. The worker must be idle. */
void worker_start(struct worker *w, void (*fn)(void *ctx), void *ctx);
/* True once idle; false where it still works after so many seconds. 0 only asks. */
bool worker_wait(struct worker *w, double timeout_s);

#endif
