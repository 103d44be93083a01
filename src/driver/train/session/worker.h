/*
 * One thread that runs one job at a time beside the training loop.
 *
 *     enum status st = worker_new(&w, &em);
 *     if (st != ST_OK)
 *         return st;
 *     worker_start(w, write_it, &job);        // only while idle; the thread owns its data
 *     if (worker_wait(w, 0))                  // idle again: the caller owns the job's data
 *         log_outcome(&job);
 *     worker_free(w);                         // waits for a job that runs
 *
 * The thread blocks all signals; the main thread gets them.
 */
#ifndef BIFRONS_DRIVER_TRAIN_WORKER_H
#define BIFRONS_DRIVER_TRAIN_WORKER_H

#include <stdbool.h>

#include "base/status.h"

struct worker;

#define WORKER_NO_DEADLINE (-1.0)

/* Errors: ST_MEMORY; ST_INTERNAL if no thread can be started. */
enum status worker_new(struct worker **out, struct errmsg *em) MUST_CHECK;
void worker_free(struct worker *w);
/* Starts fn(ctx) in the thread. The worker must be idle. */
void worker_start(struct worker *w, void (*fn)(void *ctx), void *ctx);
/* True once idle; false if it still works after timeout_s. 0: does not wait. */
bool worker_wait(struct worker *w, double timeout_s);

#endif
