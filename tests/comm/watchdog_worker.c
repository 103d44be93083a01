/*
 * One rank of tests/comm/test_watchdog.py: steps of a little work and a sum, watched.
 *
 *     watchdog_worker TIMEOUT_S [hang|traced|leave|odd|thread RANK] [saved]
 *
 * At step 5 rank RANK: hangs while it works; the same under a debugger for twice the timeout; ends
 * its process; brings another count; ends the job from another thread. Without a fault the steps go
 * on for ever. Each rank prints "rank R pid P" when it is past the third step, and a dot every
 * hundredth.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "comm/watchdog.h"
#include "traced.h"

enum { COUNT = 1000, FAULT_AT = 5, TELL_AT = 3, DOT_EVERY = 100 };

struct task {
    double timeout_s;
    const char *fault;
    int rank;
    bool saved;
};

static void hang(void)
{
    for (;;)
        pause();
}

/* As the thread that writes checkpoints. */
static void *save_and_fail(void *watchdog)
{
    watchdog_record_saved(watchdog);
    watchdog_end_job(watchdog, "a thread of this rank failed");
}

static void misbehave(struct comm *c, struct watchdog *w, const struct task *t, size_t *count)
{
    pthread_t thread;
    if (t->rank != comm_rank(c))
        return;
    if (strcmp(t->fault, "hang") == 0)
        hang();
    if (strcmp(t->fault, "traced") == 0) {
        be_traced(2 * t->timeout_s);
        hang();
    }
    if (strcmp(t->fault, "leave") == 0)
        _exit(3);
    if (strcmp(t->fault, "thread") == 0 && pthread_create(&thread, NULL, save_and_fail, w) != 0)
        perror("no thread");
    if (strcmp(t->fault, "odd") == 0)
        (*count)--;
}

static enum status step(struct comm *c, struct watchdog *w, int number, const struct task *t,
                        float *range, struct errmsg *em)
{
    struct comm_ticket ticket = {0};
    size_t count = COUNT;
    usleep(2000);
    if (number == FAULT_AT)
        misbehave(c, w, t, &count);
    enum status st = comm_all_reduce_begin(c, range, count, COMM_F32, NULL, &ticket, em);
    return st == ST_OK ? comm_wait(c, &ticket, COMM_DEFAULT_DEADLINE, em) : st;
}

static enum status work(struct comm *c, struct watchdog *w, const struct task *t, struct errmsg *em)
{
    float range[COUNT] = {0};
    for (int number = 1;; number++) {
        watchdog_enter(w, WATCH_STEP, number);
        if (number == 2 && t->saved && comm_rank(c) == 0)
            watchdog_record_saved(w);
        enum status st = step(c, w, number, t, range, em);
        if (st != ST_OK)
            return st;
        if (number == TELL_AT)
            printf("rank %d pid %d %s\n", comm_rank(c), (int)getpid(), w ? "watched" : "unwatched");
        if (number % DOT_EVERY == 0)
            puts(".");
        fflush(stdout);
    }
}

static struct task parse(int argc, char **argv)
{
    struct task t = {.timeout_s = strtod(argv[1], NULL), .fault = "", .rank = -1};
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "saved") == 0) {
            t.saved = true;
        } else if (i + 1 < argc) {
            t.fault = argv[i];
            t.rank = (int)strtol(argv[++i], NULL, 10);
        }
    }
    return t;
}

int main(int argc, char **argv)
{
    struct errmsg em = {0};
    struct comm *c;
    struct watchdog *w = NULL;
    struct comm_options options = {.backend = COMM_AUTO};
    if (argc < 2)
        return 64;
    struct task task = parse(argc, argv);
    log_init();
    enum status st = comm_open(&options, &c, &em);
    if (st != ST_OK)
        return status_exit_code(st);
    log_set_rank(comm_rank(c));
    st = watchdog_open(c, task.timeout_s, &w, &em);
    if (st == ST_OK)
        st = work(c, w, &task, &em);
    if (st != ST_OK && w)
        watchdog_end_job(w, em.text);
    watchdog_close(w);
    comm_close(c);
    return status_exit_code(st);
}
