#include "worker.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

#include "base/poison.h"

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* signals a change of fn or leave */
    void (*fn)(void *ctx);  /* NULL: idle */
    void *ctx;
    bool leave;
};

static void *work(void *argument)
{
    struct worker *w = argument;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->fn && !w->leave)
            pthread_cond_wait(&w->changed, &w->lock);
        if (!w->fn)
            break;
        void (*fn)(void *) = w->fn;
        void *ctx = w->ctx;
        pthread_mutex_unlock(&w->lock);
        fn(ctx);
        pthread_mutex_lock(&w->lock);
        w->fn = NULL;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum status worker_new(struct worker **out, struct errmsg *em)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return FAIL(em, ST_MEMORY, "out of memory");
    pthread_mutex_init(&w->lock, NULL);
    condition_init(&w->changed);
    int error = thread_start(&w->thread, work, w);
    if (error) {
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->lock);
        free(w);
        return FAIL_ERRNO(em, ST_INTERNAL, error, "cannot start a thread");
    }
    *out = w;
    return ST_OK;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->leave = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void worker_start(struct worker *w, void (*fn)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&w->lock);
    BUG_ON(w->fn);
    w->fn = fn;
    w->ctx = ctx;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

bool worker_wait(struct worker *w, double timeout_s)
{
    double until_s = timeout_s < 0 ? INFINITY : clock_seconds() + timeout_s;
    pthread_mutex_lock(&w->lock);
    while (w->fn && condition_wait(&w->changed, &w->lock, until_s))
        continue;
    bool idle = !w->fn;
    pthread_mutex_unlock(&w->lock);
    return idle;
}
