/*
 * Threads that leave signals to others, and waits that end at a time of the monotonic clock.
 *
 *     int error = thread_start(&thread, work, context);
 *     if (error)
 *         return FAIL_ERRNO(&em, ST_INTERNAL, error, "cannot start a thread");
 *     condition_init(&changed);
 *     // with the lock held: for at most a second
 *     while (!done && condition_wait(&changed, &lock, until_s))
 *         continue;
 */
#ifndef BIFRONS_BASE_THREAD_H
#define BIFRONS_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* As pthread_create, with every signal blocked in the thread: signals are for the threads that
 * handle them. Returns 0 or an errno value. */
int thread_start(pthread_t *out, void *(*run)(void *context), void *context);

/* A condition for condition_wait. */
void condition_init(pthread_cond_t *changed);
/* As pthread_cond_wait, until the time until_s of clock_seconds(): returns false where that time
 * came first. INFINITY: no such time. */
bool condition_wait(pthread_cond_t *changed, pthread_mutex_t *lock, double until_s);

#endif
