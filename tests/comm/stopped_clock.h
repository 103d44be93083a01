/*
 * A clock that jumps as it does for a process that was stopped. Link with
 * --wrap=clock_gettime,--wrap=pthread_cond_timedwait.
 */
#ifndef BIFRONS_TESTS_COMM_STOPPED_CLOCK_H
#define BIFRONS_TESTS_COMM_STOPPED_CLOCK_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

static _Atomic time_t stopped_s; /* for so long, by the clock */
static atomic_int looks;         /* waits for a time, such as the watcher's between two looks */

int __real_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_clock_gettime(clockid_t id, struct timespec *out)
{
    int code = __real_clock_gettime(id, out);
    out->tv_sec += stopped_s;
    return code;
}

int __real_pthread_cond_timedwait(pthread_cond_t *changed, pthread_mutex_t *lock,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *changed, pthread_mutex_t *lock,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *changed, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    struct timespec real = {until->tv_sec - stopped_s, until->tv_nsec};
    looks++;
    return __real_pthread_cond_timedwait(changed, lock, &real);
}

/* Returns after n more waits for a time. */
static inline void await_looks(int n)
{
    for (int before = looks; looks < before + n;)
        sched_yield();
}

#endif
