#include "comm_thread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/thread.h"

enum { REQUESTS_MAX = 256 };
static const double LOOK_S = 0.5;

struct comm_thread {
    comm_run_fn run;
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct comm_request requests[REQUESTS_MAX]; /* a ring */
    size_t first, n;
    uint64_t done; /* sequence of the last request that has ended */
    bool closing, failed;
    uint64_t failed_sequence;
    struct errmsg why;
};

static void *work(void *context)
{
    struct comm_thread *t = context;
    prctl(PR_SET_TIMERSLACK, 1000UL); /* keeps short sleeps short */
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

enum status comm_thread_new(comm_run_fn run, void *context, struct comm_thread **out,
                            struct errmsg *em)
{
    struct comm_thread *t = calloc(1, sizeof *t);
    if (!t)
        return FAIL(em, ST_MEMORY, "out of memory");
    condition_init(&t->changed);
    pthread_mutex_init(&t->lock, NULL);
    t->run = run;
    t->context = context;
    int code = thread_start(&t->thread, work, t);
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

enum status comm_thread_wait(struct comm_thread *t, uint64_t sequence, double deadline_s,
                             enum status *outcome, struct errmsg *em)
{
    double left_s = deadline_s < 0 ? INFINITY : deadline_s, last_s = clock_seconds();
    pthread_mutex_lock(&t->lock);
    while (t->done < sequence && left_s > 0) {
        (void)condition_wait(&t->changed, &t->lock,
                             left_s < INFINITY ? last_s + fmin(left_s, LOOK_S) : INFINITY);
        left_s -= clock_count(&last_s);
    }
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
