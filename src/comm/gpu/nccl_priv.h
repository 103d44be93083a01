/*
 * What the NCCL backend's files share: the communicator, the collectives in flight, and the thread
 * that watches them.
 *
 * Two threads. The caller's begins collectives and makes streams wait for them. The watcher asks
 * each few milliseconds whether they have ended, and NCCL and the board whether something failed;
 * on a failure it writes the report, aborts NCCL, and ends the job if the caller does not.
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
    CALL_LAUNCHING, /* NCCL is setting it up: `done` is not recorded yet */
    CALL_RUNNING,
    CALL_CAPTURED /* into a CUDA graph: nothing runs, and events cannot be asked */
};

struct nccl_call {
    enum call_state state;
    struct comm_call what;
    void *stream; /* of the range */
    void *done;   /* event, recorded on the side stream */
    double begun_s, deadline_s;
};

struct nccl {
    struct comm *host; /* control collectives, and ranges in host memory */
    struct board *board;
    ncclComm_t comm; /* NULL before it is open and after an abort */
    int device;
    double timeout_s; /* HUGE_VAL: none */
    void *side;       /* stream on which all collectives run, one after another */
    void *ready;      /* event: the range is produced */

    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    struct nccl_call calls[NCCL_CALLS];
    int in_flight; /* calls launching or running */
    bool calling;  /* the caller's thread is inside NCCL */
    bool stop, failed;
    double open_deadline_s; /* 0: open */
    struct errmsg why;
    pthread_t watcher;
};

/* With the lock held, any thread. The first failure counts: its text is logged, once on a node, and
 * is what calls return from now on. */
void nccl_fail(struct nccl *n, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* ST_PEER with the failure's text. */
enum status nccl_failure(const struct nccl *n, struct errmsg *em);

/* The thread; frees nothing. nccl_watch_end returns when it is gone, after its report and abort. */
enum status nccl_watch_start(struct nccl *n, struct errmsg *em) MUST_CHECK;
void nccl_watch_end(struct nccl *n);

#endif
