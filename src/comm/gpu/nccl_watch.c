#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "cudart.h"
#include "gpu.h"
#include "nccl_priv.h"

#include "base/poison.h"

enum {
    POLL_MS = 2,
    REPORT_BYTES = 1536,
    CALLING_WAIT_MS = 1000, /* for the caller to return from NCCL, before NCCL is aborted */
    END_WAIT_S = 5,         /* from a failure to the end of the job */
    KILL_WAIT_S = 10        /* then to the end of this process, if ending the job hangs */
};

/* ---- Reports --------------------------------------------------------------------------------- */

static void append(char *text, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void append(char *text, const char *fmt, ...)
{
    size_t n = strlen(text);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + n, REPORT_BYTES - n, fmt, args);
    va_end(args);
}

/* Appends the ranks that have not begun collective `sequence`, as far as this node knows. */
static void append_absent(const struct nccl *n, uint64_t sequence, char *text)
{
    int unseen = 0, absent = 0;
    for (int r = 0; r < n->host->place.world_size; r++) {
        struct board_line line = board_read(n->board, r);
        unseen += !line.present;
        if (!line.present || line.last.sequence >= sequence)
            continue;
        append(text, "%s rank %d has not begun it (it last began %llu and ended %llu)",
               absent++ ? "," : ";", r, (unsigned long long)line.last.sequence,
               (unsigned long long)line.done);
    }
    if (absent == 0 && unseen == 0)
        append(text, "; every rank has begun it, so a GPU or a link hangs");
    else if (absent == 0)
        append(text, "; every rank on this host has begun it");
    if (unseen)
        append(text, "; nothing is known here of %d ranks on other hosts", unseen);
}

void nccl_fail(struct nccl *n, const char *fmt, ...)
{
    char text[REPORT_BYTES] = "";
    va_list args;
    if (n->failed)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    FAIL(&n->why, ST_PEER, "rank %d on host %s: %s", n->host->place.rank, n->host->place.host,
         text);
    if (board_claim_report(n->board)) {
        log_error("%s", n->why.text);
        board_reported(n->board);
    }
    board_fail(n->board);
    n->failed = true;
    pthread_cond_broadcast(&n->changed);
}

enum status nccl_failure(const struct nccl *n, struct errmsg *em)
{
    return FAIL(em, ST_PEER, "%s", n->why.text);
}

/* ---- Watching -------------------------------------------------------------------------------- */

static void check_call(struct nccl *n, struct nccl_call *call)
{
    struct errmsg em = {0};
    bool done = false;
    char name[COMM_CALL_TEXT_BYTES], text[REPORT_BYTES] = "";
    if (call->state == CALL_RUNNING && cudart_event_done(call->done, &done, &em) != ST_OK) {
        comm_call_describe(&call->what, name, sizeof name);
        nccl_fail(n, "%s: %s", name, em.text);
    }
    if (done) {
        board_done(n->board, call->what.sequence);
        call->state = CALL_FREE;
        n->in_flight--;
        pthread_cond_broadcast(&n->changed);
    } else if (n->now_s > call->deadline_s) {
        comm_call_describe(&call->what, name, sizeof name);
        append_absent(n, call->what.sequence, text);
        nccl_fail(n, "%s has not ended after %.3g s%s", name, n->now_s - call->begun_s, text);
    }
}

static void check_communicator(struct nccl *n)
{
    double passed_s = clock_count(&n->looked_s);
    ncclResult_t result = ncclSuccess;
    if (!atomic_load(&n->host->progress.held))
        n->now_s += passed_s;
    if (n->open_deadline_s > 0) {
        if (n->now_s > n->open_deadline_s)
            nccl_fail(n, "NCCL hangs while it opens");
        return;
    }
    if (!n->calling) /* else the caller asks */
        result = nccl_ask(n->comm);
    if (result != ncclSuccess && result != ncclInProgress)
        nccl_fail(n, "NCCL: %s (%s)", ncclGetErrorString(result), ncclGetLastError(n->comm));
    int peer = board_failed_rank(n->board);
    if (peer >= 0)
        nccl_fail(n, "rank %d on this host has failed", peer);
    for (int i = 0; i < NCCL_CALLS && !n->failed; i++)
        if (n->calls[i].state == CALL_LAUNCHING || n->calls[i].state == CALL_RUNNING)
            check_call(n, &n->calls[i]);
}

/* Call with the lock held, as pthread_cond_wait. */
static void pause_ms(struct nccl *n, long ms)
{
    (void)condition_wait(&n->changed, &n->lock, clock_seconds() + (double)ms / 1e3);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void *end_job(void *host)
{
    sleep(END_WAIT_S);
    alarm(KILL_WAIT_S); /* its default action ends the process; the main thread takes it */
    comm_abort(host, status_exit_code(ST_PEER));
}

/* Call with the lock held. Ends the collectives in flight, so that threads waiting for the GPU go
 * on. */
static void abort_nccl(struct nccl *n)
{
    pthread_t timer;
    ncclComm_t comm = n->comm;
    if (thread_start(&timer, end_job, n->host) == 0)
        pthread_detach(timer);
    double until = clock_seconds() + CALLING_WAIT_MS / 1e3;
    while (n->calling && clock_seconds() < until)
        pause_ms(n, POLL_MS);
    board_await_report(n->board);
    n->comm = NULL;
    pthread_mutex_unlock(&n->lock);
    if (comm)
        (void)ncclCommAbort(comm);
    pthread_mutex_lock(&n->lock);
}

static void *watch(void *arg)
{
    struct nccl *n = arg;
    struct errmsg em = {0};
    enum status st = cudart_use(n->device, &em);
    cudart_keep_out_of_captures();
    pthread_mutex_lock(&n->lock);
    if (st != ST_OK)
        nccl_fail(n, "%s", em.text);
    n->looked_s = clock_seconds();
    while (!n->stop && !n->failed) {
        if (n->in_flight == 0 && n->open_deadline_s == 0.0) {
            pthread_cond_wait(&n->changed, &n->lock);
            n->looked_s = clock_seconds();
            continue;
        }
        check_communicator(n);
        if (!n->failed)
            pause_ms(n, POLL_MS);
    }
    if (n->failed)
        abort_nccl(n);
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

enum status nccl_watch_start(struct nccl *n, struct errmsg *em)
{
    int error = thread_start(&n->watcher, watch, n);
    return error == 0 ? ST_OK : FAIL_ERRNO(em, ST_INTERNAL, error, "no thread to watch NCCL");
}

void nccl_watch_end(struct nccl *n)
{
    pthread_mutex_lock(&n->lock);
    n->stop = true;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
    pthread_join(n->watcher, NULL);
}
