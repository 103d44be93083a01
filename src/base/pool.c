#include "base/pool.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/thread.h"

static const double PROGRESS_S = 0.2;

struct pool {
    const struct pool_options *o;
    enum status (*work)(void *context, size_t i, struct errmsg *em);
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t next, done;
    int working;    /* threads */
    enum status st; /* the first failure */
    struct errmsg em;
};

/* Gives the next item; false: no more. */
static bool take_item(struct pool *p, size_t *i)
{
    pthread_mutex_lock(&p->lock);
    bool more = p->st == ST_OK && p->next < p->o->n && !(p->o->stop && p->o->stop());
    if (more)
        *i = p->next++;
    pthread_mutex_unlock(&p->lock);
    return more;
}

static void *work_on_items(void *context)
{
    struct pool *p = context;
    for (size_t i; take_item(p, &i);) {
        struct errmsg em = {0};
        enum status st = p->work(p->o->context, i, &em);
        pthread_mutex_lock(&p->lock);
        p->done++;
        if (st != ST_OK && p->st == ST_OK) {
            p->st = st;
            p->em = em;
        }
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_lock(&p->lock);
    p->working--;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Shows the progress until all threads have ended, and then once more. */
static void wait_for_threads(struct pool *p)
{
    for (bool working = true; working;) {
        pthread_mutex_lock(&p->lock);
        if (p->working > 0)
            (void)condition_wait(&p->changed, &p->lock, clock_seconds() + PROGRESS_S);
        working = p->working > 0;
        size_t done = p->done;
        pthread_mutex_unlock(&p->lock);
        if (p->o->progress)
            p->o->progress(p->o->context, done);
    }
}

enum status pool_run(const struct pool_options *o,
                     enum status (*work)(void *context, size_t i, struct errmsg *em),
                     struct errmsg *em)
{
    pthread_t threads[POOL_THREADS_MAX];
    size_t wanted = MIN((size_t)o->threads, o->n), started = 0;
    struct pool p = {.o = o, .work = work, .lock = PTHREAD_MUTEX_INITIALIZER};
    condition_init(&p.changed);
    p.working = (int)wanted;
    while (started < wanted && thread_start(&threads[started], work_on_items, &p) == 0)
        started++;
    pthread_mutex_lock(&p.lock);
    p.working -= (int)(wanted - started);
    p.working += started == 0;
    pthread_mutex_unlock(&p.lock);
    if (started == 0)
        work_on_items(&p);
    wait_for_threads(&p);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&p.changed);
    pthread_mutex_destroy(&p.lock);
    return p.st == ST_OK ? ST_OK : FAIL(em, p.st, "%s", p.em.text);
}
