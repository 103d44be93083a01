#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

int thread_start(pthread_t *out, void *(*run)(void *context), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread inherits the mask */
    int error = pthread_create(out, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

void condition_init(pthread_cond_t *changed)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool condition_wait(pthread_cond_t *changed, pthread_mutex_t *lock, double until_s)
{
    const double far_s = 4e9; /* the kernel's clocks end at 9.2e9 s */
    if (!(until_s < far_s))
        return pthread_cond_wait(changed, lock) == 0;
    time_t whole = until_s > 0 ? (time_t)until_s : 0;
    double part = until_s - (double)whole;
    const struct timespec until = {.tv_sec = whole, .tv_nsec = part > 0 ? (long)(part * 1e9) : 0};
    return pthread_cond_timedwait(changed, lock, &until) != ETIMEDOUT;
}
