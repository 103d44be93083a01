/*
 * Works on items 0 to n - 1 with several threads.
 *
 *     struct pool_options o = {.n = n_pictures, .threads = 4, .progress = show, .context = &job};
 *     enum status st = pool_run(&o, draw, &em);
 *
 * The items are begun in their order. After a failure no further item is begun.
 *
 * THREADS: work is called by any thread, several at a time; stop by any; progress by the caller's.
 */
#ifndef BIFRONS_BASE_POOL_H
#define BIFRONS_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum { POOL_THREADS_MAX = 64 };

struct pool_options {
    size_t n;
    int threads;        /* 1 to POOL_THREADS_MAX; more than n do not help */
    bool (*stop)(void); /* no further item is begun; NULL: never */
    void (*progress)(void *context, size_t done); /* several times a second and at the end; NULL */
    void *context;                                /* of work and progress */
};

/* Returns when all threads have ended: ST_OK, also if it was stopped; or the first failure of
 * work. If no thread can be started, the caller's does the work. */
enum status pool_run(const struct pool_options *o,
                     enum status (*work)(void *context, size_t i, struct errmsg *em),
                     struct errmsg *em) MUST_CHECK;

#endif
