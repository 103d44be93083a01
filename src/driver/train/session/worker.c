#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/poison.h"

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* fn or leave */
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

static int start_thread(struct worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

enum status worker_new(struct worker **out, struct errmsg *em)
{
    pthread_condattr_t attributes;
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return FAIL(em, ST_MEMORY, "out of memory");
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int error = start_thread(w);
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
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    if (timeout_s > 0) {
        until.tv_sec += (time_t)timeout_s;
        until.tv_nsec += (long)((timeout_s - (double)(time_t)timeout_s) * 1e9);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
    }
    pthread_mutex_lock(&w->lock);
    int error = 0;
    while (w->fn && error != ETIMEDOUT)
        error = timeout_s < 0 ? pthread_cond_wait(&w->changed, &w->lock)
                              : pthread_cond_timedwait(&w->changed, &w->lock, &until);
    bool idle = !w->fn;
    pthread_mutex_unlock(&w->lock);
    return idle;
}
