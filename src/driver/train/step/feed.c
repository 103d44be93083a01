#include "feed.h"

#include <sched.h>
#include <stdlib.h>

#include "base/checked.h"
#include "worker.h"

enum { BATCHES = 2 };

/* Samples to read ahead. Only the thread uses them while it works. */
struct ahead {
    bool begun;
    uint64_t first;
    size_t n;
    enum status status;
    struct errmsg em;
};

struct feed {
    struct feed_options options;
    struct batch batches[BATCHES];
    int taken; /* the batch that the caller has; the other one is filled ahead */
    struct ahead ahead;
    struct worker *worker;
};

/* The batch that is loaded while the caller works on the other one. */
static struct batch *batch_ahead(struct feed *f)
{
    return &f->batches[1 - f->taken];
}

/* The thread calls it first, so that the computing threads have priority. */
static void lower_priority(void *ctx)
{
    (void)ctx;
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}); /* may be refused */
}

static void fill_ahead(void *ctx)
{
    struct feed *f = ctx;
    struct ahead *a = &f->ahead;
    a->status = loader_fill(f->options.loader, a->first, a->n, batch_ahead(f), &a->em);
}

enum status feed_new(const struct feed_options *o, struct feed **out, struct errmsg *em)
{
    struct feed *f = calloc(1, sizeof *f);
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory");
    f->options = *o;
    enum status st = ST_OK;
    for (int i = 0; i < BATCHES && st == ST_OK; i++)
        st = batch_init(&f->batches[i], o->capacity, o->size, o->arrays, em);
    if (st == ST_OK)
        st = worker_new(&f->worker, em);
    if (st != ST_OK) {
        feed_free(f);
        return st;
    }
    worker_start(f->worker, lower_priority, NULL);
    *out = f;
    return ST_OK;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    worker_free(f->worker);
    for (int i = 0; i < BATCHES; i++)
        batch_release(&f->batches[i]);
    free(f);
}

void feed_pause(struct feed *f)
{
    worker_wait(f->worker, WORKER_NO_DEADLINE);
}

enum status feed_take(struct feed *f, uint64_t first, size_t n, const struct batch **out,
                      struct errmsg *em)
{
    struct ahead *a = &f->ahead;
    enum status st;
    feed_pause(f);
    if (a->begun && a->first == first && a->n == n) {
        st = a->status;
        if (st != ST_OK && em && em->code == ST_OK)
            *em = a->em;
    } else {
        st = loader_fill(f->options.loader, first, n, batch_ahead(f), em);
    }
    a->begun = false;
    if (st != ST_OK)
        return st;
    f->taken = 1 - f->taken;
    *out = &f->batches[f->taken];
    return ST_OK;
}

void feed_ahead(struct feed *f, uint64_t first, size_t n)
{
    feed_pause(f);
    f->ahead = (struct ahead){.begun = true, .first = first, .n = n};
    worker_start(f->worker, fill_ahead, f);
}

const struct feed_options *feed_get_options(const struct feed *f)
{
    return &f->options;
}
