/* Signals stay with the threads that handle them; waits end when they should. */
#include "base/thread.h"

#include <math.h>
#include <signal.h>

#include "base/clock.h"
#include "testing.h"

struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool came;
    sigset_t blocked; /* in the thread that came */
};

static void *come(void *context)
{
    struct meeting *m = context;
    pthread_mutex_lock(&m->lock);
    pthread_sigmask(SIG_SETMASK, NULL, &m->blocked);
    m->came = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* Both kinds of wait see the other thread come. */
static void a_thread_takes_no_signals(void **state)
{
    (void)state;
    const double until[] = {INFINITY, clock_seconds() + 3600};
    for (int i = 0; i < 2; i++) {
        struct meeting m = {.lock = PTHREAD_MUTEX_INITIALIZER};
        pthread_t thread;
        sigset_t mine;
        condition_init(&m.changed);
        pthread_mutex_lock(&m.lock);
        assert_int_equal(thread_start(&thread, come, &m), 0);
        while (!m.came)
            assert_true(condition_wait(&m.changed, &m.lock, until[i]));
        pthread_mutex_unlock(&m.lock);
        pthread_join(thread, NULL);
        assert_true(sigismember(&m.blocked, SIGTERM));
        assert_true(sigismember(&m.blocked, SIGUSR1));
        pthread_sigmask(SIG_SETMASK, NULL, &mine);
        assert_false(sigismember(&mine, SIGTERM)); /* this thread takes them as before */
        pthread_cond_destroy(&m.changed);
    }
}

/* Where a wait has no other end than its time, it is not longer and not shorter. */
static void a_wait_ends_at_its_time(void **state)
{
    (void)state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed;
    condition_init(&changed);
    pthread_mutex_lock(&lock);
    assert_false(condition_wait(&changed, &lock, 0));
    assert_false(condition_wait(&changed, &lock, -1));
    double until_s = clock_seconds() + 0.02;
    while (condition_wait(&changed, &lock, until_s))
        continue;
    assert_true(clock_seconds() >= until_s - 1e-6);
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_takes_no_signals),
        cmocka_unit_test(a_wait_ends_at_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
