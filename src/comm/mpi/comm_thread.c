#include "comm_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/checked.h"

enum { REQUESTS_MAX = 256 };

struct comm_thread {
    comm_run_fn run;
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct comm_request requests[REQUESTS_MAX]; /* a ring */
    size_t first, n;
    uint64_t done; /* sequence of the last one that is */
    bool closing, failed;
    uint64_t failed_sequence;
    struct errmsg why;
};

static void *work(void *context)
{
    struct comm_thread *t = context;
    prctl(PR_SET_TIMERSLACK, 1000UL); /* short sleeps are meant */
    pthread_mutex_lock(&t->lock);
    for (;;) {
        while (t->n == 0 && !t->closing)
            pthread_cond_wait(&t->changed, &t->lock);
        if (t->n == 0)
            break;
        struct comm_request r = t->requests[t->first];
        bool skip = t->failed;
        pthread_mutex_unlock(&t->lock);
        struct errmsg em = {0};
        enum status st = skip ? ST_OK : t->run(t->context, &r, &em);
        pthread_mutex_lock(&t->lock);
        if (st != ST_OK) {
            t->failed = true;
            t->failed_sequence = r.call.sequence;
            t->why = em;
            t->why.code = st;
        }
        t->first = (t->first + 1) % REQUESTS_MAX;
        t->n--;
        t->done = r.call.sequence;
        pthread_cond_broadcast(&t->changed);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* Signals are for the threads that handle them. */
static int start(struct comm_thread *t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&t->thread, NULL, work, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

enum status comm_thread_new(comm_run_fn run, void *context, struct comm_thread **out,
                            struct errmsg *em)
{
    struct comm_thread *t = calloc(1, sizeof *t);
    if (!t)
        return FAIL(em, ST_MEMORY, "out of memory");
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&t->lock, NULL);
    t->run = run;
    t->context = context;
    int code = start(t);
    if (code != 0) {
        pthread_cond_destroy(&t->changed);
        pthread_mutex_destroy(&t->lock);
        free(t);
        return FAIL_ERRNO(em, ST_MEMORY, code, "cannot start the communication thread");
    }
    *out = t;
    return ST_OK;
}

void comm_thread_free(struct comm_thread *t, bool abandon)
{
    if (!t)
        return;
    if (abandon) {
        pthread_detach(t->thread);
        return;
    }
    pthread_mutex_lock(&t->lock);
    t->closing = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

void comm_thread_push(struct comm_thread *t, const struct comm_request *r)
{
    pthread_mutex_lock(&t->lock);
    while (t->n == REQUESTS_MAX)
        pthread_cond_wait(&t->changed, &t->lock);
    t->requests[(t->first + t->n) % REQUESTS_MAX] = *r;
    t->n++;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static struct timespec time_after(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    time_t whole = (time_t)seconds;
    t.tv_sec += whole;
    t.tv_nsec += (long)((seconds - (double)whole) * 1e9);
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

enum status comm_thread_wait(struct comm_thread *t, uint64_t sequence, double deadline_s,
                             enum status *outcome, struct errmsg *em)
{
    enum { YEAR_S = 366 * 24 * 3600 };
    bool bounded = deadline_s >= 0 && deadline_s < YEAR_S;
    struct timespec until = time_after(bounded ? deadline_s : 0);
    int code = 0;
    pthread_mutex_lock(&t->lock);
    while (t->done < sequence && code != ETIMEDOUT)
        code = bounded ? pthread_cond_timedwait(&t->changed, &t->lock, &until)
                       : pthread_cond_wait(&t->changed, &t->lock);
    bool done = t->done >= sequence;
    *outcome = ST_OK;
    if (done && t->failed && sequence >= t->failed_sequence) {
        *outcome = t->why.code;
        if (em && em->code == ST_OK)
            *em = t->why;
    }
    pthread_mutex_unlock(&t->lock);
    return done ? ST_OK : ST_AGAIN;
}

bool comm_thread_failed(struct comm_thread *t)
{
    pthread_mutex_lock(&t->lock);
    bool failed = t->failed;
    pthread_mutex_unlock(&t->lock);
    return failed;
}
