/*
 * Threads that block all signals, and waits with a deadline on the monotonic clock.
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

/* As pthread_create, with every signal blocked: other threads handle signals. Returns 0 or an errno
 * value. */
int thread_start(pthread_t *out, void *(*run)(void *context), void *context);

/* Initialises a condition for condition_wait. */
void condition_init(pthread_cond_t *changed);
/* As pthread_cond_wait, but returns false when clock_seconds() reaches until_s first. INFINITY: no
 * deadline. */
bool condition_wait(pthread_cond_t *changed, pthread_mutex_t *lock, double until_s);

#endif
