/*
 * Shared by the NCCL backend's files: the communicator, the collectives in flight, and the thread
 * that watches them.
 *
 * There are two threads. The caller's thread begins collectives and makes streams wait for them.
 * Every few milliseconds the watcher checks whether collectives have ended, and whether NCCL or a
 * rank on the board has failed. After a failure it writes the report, aborts NCCL, and ends the job
 * if the caller does not.
 */
#ifndef BIFRONS_COMM_NCCL_PRIV_H
#define BIFRONS_COMM_NCCL_PRIV_H

#include <nccl.h>
#include <pthread.h>

#include "board.h"
#include "comm_priv.h"

enum { NCCL_CALLS = 64 };

enum call_state {
    CALL_FREE,
    CALL_LAUNCHING, /* NCCL is starting it: `done` is not recorded yet */
    CALL_RUNNING,
    CALL_CAPTURED /* captured into a CUDA graph: it does not run, and its event cannot be queried */
};

struct nccl_call {
    enum call_state state;
    struct comm_call what;
    void *stream; /* the stream of the range */
    void *done;   /* event, recorded on the side stream after the collective */
    double begun_s, deadline_s;
};

struct nccl {
    struct comm *host; /* for control collectives and for ranges in host memory */
    struct board *board;
    ncclComm_t comm; /* NULL before it is open and after an abort */
    int device;
    double timeout_s; /* HUGE_VAL: none */
    void *side;       /* the stream on which all collectives run, one after another */
    void *ready;      /* event: the range has been produced */

    pthread_mutex_t lock; /* protects all below */
    pthread_cond_t changed;
    struct nccl_call calls[NCCL_CALLS];
    int in_flight; /* number of calls that are launching or running */
    bool calling;  /* the caller's thread is inside NCCL: the watcher must not call nccl_ask */
    bool stop, failed;
    /* The time of all deadlines here. It stands still while no collective is in flight, while this
     * process is stopped, and while a debugger holds a rank. */
    double now_s;
    double looked_s;        /* when the watcher last looked, on the monotonic clock */
    double open_deadline_s; /* 0: open */
    struct errmsg why;
    pthread_t watcher;
};

/* Call with the lock held; any thread. Records the first failure: one rank of the node logs its
 * text, and all later calls return it. */
void nccl_fail(struct nccl *n, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* ST_PEER with the failure's text. */
enum status nccl_failure(const struct nccl *n, struct errmsg *em);

/* What has become of a call that NCCL could not finish at once. One thread at a time: NCCL keeps
 * its record of the call without a lock. */
ncclResult_t nccl_ask(ncclComm_t comm);

/* Starts the watcher. nccl_watch_end stops it and returns when it has ended, after its report and
 * abort; it frees nothing else. */
enum status nccl_watch_start(struct nccl *n, struct errmsg *em) MUST_CHECK;
void nccl_watch_end(struct nccl *n);

#endif
