/*
 * The NCCL backend. Its collectives run on their own stream, the side stream, in the order in which
 * they are begun. One event makes the side stream wait for the range; another event makes the
 * range's stream wait for the collective. The communicator is non-blocking: a call that NCCL cannot
 * finish at once returns ncclInProgress and is polled, so that every call notices a lost rank.
 *
 * NCCL's reduce-scatter and all-gather need equal shards. A range that does not divide evenly
 * becomes one group with a reduce or broadcast for each shard.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "cudart.h"
#include "gpu.h"
#include "nccl_priv.h"

#include "base/poison.h"

#if NCCL_VERSION_CODE < NCCL_VERSION(2, 19, 0)
#error "NCCL 2.19 or newer is needed"
#endif

enum { OPEN_POLL_MS = 5, SETTLE_POLL_US = 50, CLOSE_TIMEOUT_S = 30, OPEN_GRACE_S = 10 };

static struct nccl *nccl_of(struct comm *c)
{
    return c->backend;
}

static enum status fail_nccl(const struct nccl *n, ncclResult_t result, const char *what,
                             struct errmsg *em)
{
    const char *more = ncclGetLastError(n->comm);
    return FAIL(em, ST_PEER, "%s: %s%s%s", what, ncclGetErrorString(result), *more ? ": " : "",
                more);
}

ncclResult_t nccl_ask(ncclComm_t comm)
{
    ncclResult_t result = ncclSuccess, asked = ncclCommGetAsyncError(comm, &result);
    return asked == ncclSuccess ? result : asked;
}

static ncclDataType_t type_of(enum comm_dtype dtype)
{
    static const ncclDataType_t types[] = {
        [COMM_F32] = ncclFloat32, [COMM_F64] = ncclFloat64, [COMM_BF16] = ncclBfloat16,
        [COMM_U8] = ncclUint8,    [COMM_U64] = ncclUint64,
    };
    return types[dtype];
}

static void nap_us(long us)
{
    const struct timespec t = {.tv_nsec = us * 1000};
    nanosleep(&t, NULL);
}

/* ---- Collectives ----------------------------------------------------------------------------- */

/* Reduces or broadcasts each shard of an uneven range. */
static ncclResult_t launch_shards(struct nccl *n, ncclComm_t comm, enum comm_kind kind,
                                  unsigned char *range, size_t count, enum comm_dtype dtype)
{
    int ranks = n->host->place.world_size;
    ncclResult_t first_failure = ncclGroupStart();
    for (int r = 0; r < ranks; r++) {
        size_t first, mine;
        comm_shard(count, ranks, r, &first, &mine);
        if (mine == 0)
            continue;
        unsigned char *at = range + first * comm_dtype_bytes(dtype);
        ncclResult_t result =
            kind == COMM_REDUCE_SCATTER
                ? ncclReduce(at, at, mine, type_of(dtype), ncclSum, r, comm, n->side)
                : ncclBroadcast(at, at, mine, type_of(dtype), r, comm, n->side);
        if (first_failure == ncclSuccess && result != ncclInProgress)
            first_failure = result;
    }
    ncclResult_t ended = ncclGroupEnd();
    return first_failure == ncclSuccess ? ended : first_failure;
}

static ncclResult_t launch(struct nccl *n, ncclComm_t comm, const struct comm_call *what,
                           void *range)
{
    size_t count = what->count, ranks = (size_t)n->host->place.world_size;
    enum comm_dtype dtype = what->dtype;
    size_t each = count / ranks;
    unsigned char *mine =
        (unsigned char *)range + each * (size_t)n->host->place.rank * comm_dtype_bytes(dtype);
    switch (what->kind) {
    case COMM_ALL_REDUCE:
        return ncclAllReduce(range, range, count, type_of(dtype), ncclSum, comm, n->side);
    case COMM_BROADCAST:
        return ncclBroadcast(range, range, count, type_of(dtype), what->root, comm, n->side);
    case COMM_REDUCE_SCATTER:
        if (count % ranks == 0)
            return ncclReduceScatter(range, mine, each, type_of(dtype), ncclSum, comm, n->side);
        break;
    case COMM_ALL_GATHER:
        if (count % ranks == 0)
            return ncclAllGather(mine, range, each, type_of(dtype), comm, n->side);
        break;
    case COMM_GATHER: /* done by the host communicator */
        break;
    }
    return launch_shards(n, comm, what->kind, range, count, dtype);
}

/* Call with the lock held. Waits for a free place for a call. */
static enum status take_call(struct nccl *n, struct nccl_call **out, struct errmsg *em)
{
    while (!n->failed) {
        for (int i = 0; i < NCCL_CALLS; i++)
            if (n->calls[i].state == CALL_FREE) {
                *out = &n->calls[i];
                return ST_OK;
            }
        if (n->in_flight == 0)
            return FAIL(em, ST_INTERNAL, "a graph captures more than %d collectives at once",
                        NCCL_CALLS);
        pthread_cond_wait(&n->changed, &n->lock);
    }
    return nccl_failure(n, em);
}

/* Call with the lock held. Fails if another rank of the node begins a different collective. */
static enum status post(struct nccl *n, const struct comm_call *what, struct errmsg *em)
{
    int rank;
    struct comm_call other;
    char ours[COMM_CALL_TEXT_BYTES], theirs[COMM_CALL_TEXT_BYTES];
    if (board_begin(n->board, what, &rank, &other))
        return ST_OK;
    comm_call_describe(what, ours, sizeof ours);
    comm_call_describe(&other, theirs, sizeof theirs);
    nccl_fail(n, "ranks are out of step: %s here, %s on rank %d", ours, theirs, rank);
    return nccl_failure(n, em);
}

/*
 * Call without the lock. Gives the collective to NCCL and waits until it is queued. Meanwhile the
 * watcher checks the deadline, and this thread checks whether the watcher has failed the call.
 */
static enum status queue(struct nccl *n, ncclComm_t comm, const struct nccl_call *call, void *range,
                         struct errmsg *em)
{
    enum status st = cudart_event_record(n->ready, call->stream, em);
    if (st == ST_OK)
        st = cudart_stream_wait(n->side, n->ready, em);
    if (st != ST_OK)
        return st;
    ncclResult_t result = launch(n, comm, &call->what, range);
    while (result == ncclInProgress) {
        pthread_mutex_lock(&n->lock);
        bool failed = n->failed;
        pthread_mutex_unlock(&n->lock);
        if (failed)
            return ST_PEER; /* the reason is in n->why */
        nap_us(SETTLE_POLL_US);
        result = nccl_ask(comm);
    }
    if (result != ncclSuccess)
        return fail_nccl(n, result, "NCCL cannot begin it", em);
    return cudart_event_record(call->done, n->side, em);
}

static enum status begin(struct comm *c, const struct comm_call *what, void *range, void *stream,
                         struct errmsg *em)
{
    struct nccl *n = nccl_of(c);
    struct nccl_call *call = NULL;
    if (!stream)
        return gpu_on_host(n->host, what, range, em);
    if (what->count == 0)
        return ST_OK;
    struct errmsg trouble = {0};
    bool captured = cudart_is_capturing(stream);
    pthread_mutex_lock(&n->lock);
    enum status st = take_call(n, &call, em);
    if (st == ST_OK)
        st = post(n, what, em);
    if (st != ST_OK)
        goto out;
    /* nccl_failure never returns ST_OK */
    /* NOLINTNEXTLINE(analyzer-null-dereference,clang-analyzer-core.NullDereference) */
    call->what = *what;
    call->stream = stream;
    call->begun_s = n->now_s;
    call->deadline_s = call->begun_s + n->timeout_s;
    call->state = CALL_LAUNCHING;
    n->in_flight++;
    n->calling = true;
    ncclComm_t comm = n->comm;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
    st = queue(n, comm, call, range, &trouble);
    pthread_mutex_lock(&n->lock);
    n->calling = false;
    call->state = captured ? CALL_CAPTURED : CALL_RUNNING;
    n->in_flight -= captured;
    if (st != ST_OK)
        nccl_fail(n, "%s", trouble.text);
    if (n->failed)
        st = nccl_failure(n, em);
out:
    pthread_mutex_unlock(&n->lock);
    return st;
}

/* If the call is no longer in the list, it has ended on the GPU. */
static enum status wait(struct comm *c, uint64_t sequence, double deadline_s, struct errmsg *em)
{
    struct nccl *n = nccl_of(c);
    enum status st = ST_OK;
    pthread_mutex_lock(&n->lock);
    if (n->failed)
        st = nccl_failure(n, em);
    for (int i = 0; i < NCCL_CALLS && st == ST_OK; i++) {
        struct nccl_call *call = &n->calls[i];
        if (call->state == CALL_FREE || call->what.sequence != sequence)
            continue;
        if (deadline_s >= 0)
            call->deadline_s = fmin(call->deadline_s, n->now_s + deadline_s);
        st = cudart_stream_wait(call->stream, call->done, em);
        if (call->state == CALL_CAPTURED)
            call->state = CALL_FREE;
        break;
    }
    pthread_mutex_unlock(&n->lock);
    return st;
}

static enum status finish(struct comm *c, void *stream, struct errmsg *em)
{
    struct nccl *n = nccl_of(c);
    struct errmsg why = {0};
    enum status st = cudart_stream_finish(stream, &why);
    pthread_mutex_lock(&n->lock);
    if (st != ST_OK) /* the other ranks may be waiting in a collective */
        nccl_fail(n, "%s", why.text);
    if (n->failed)
        st = nccl_failure(n, em);
    pthread_mutex_unlock(&n->lock);
    return st;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Memory that NCCL can register, for fabrics that profit from it; otherwise as cudaMalloc. */
static enum status alloc(struct comm *c, size_t bytes, void **out, struct errmsg *em)
{
    (void)c;
    void *memory;
    ncclResult_t result = ncclMemAlloc(&memory, bytes > 0 ? bytes : 1);
    if (result != ncclSuccess)
        return FAIL(em, ST_MEMORY, "the GPU has no %zu MiB for the flat state (%s: %s)",
                    bytes >> 20, ncclGetErrorString(result), ncclGetLastError(NULL));
    enum status st = cudart_zero(memory, bytes, em);
    if (st == ST_OK)
        *out = memory;
    else
        (void)ncclMemFree(memory);
    return st;
}

static bool release(struct comm *c, void *memory)
{
    (void)c;
    cudart_finish_all(); /* ncclMemFree, unlike cudaFree, does not wait for kernels that use it */
    (void)ncclMemFree(memory);
    return true;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static enum status make_streams(struct nccl *n, struct errmsg *em)
{
    enum status st = cudart_stream_new(&n->side, em);
    if (st == ST_OK)
        st = cudart_event_new(&n->ready, em);
    for (int i = 0; i < NCCL_CALLS && st == ST_OK; i++)
        st = cudart_event_new(&n->calls[i].done, em);
    return st;
}

static enum status share_id(struct nccl *n, ncclUniqueId *id, struct errmsg *em)
{
    enum status st = ST_OK;
    memset(id, 0, sizeof *id);
    if (n->host->place.rank == 0) {
        ncclResult_t result = ncclGetUniqueId(id);
        if (result != ncclSuccess)
            st = fail_nccl(n, result, "ncclGetUniqueId", em);
    }
    st = comm_agree(n->host, st, em);
    return st == ST_OK ? comm_do(n->host, COMM_BROADCAST, id, sizeof *id, COMM_U8, 0, NULL, em)
                       : st;
}

/* The state of this rank's opening: ST_OK and *settled: open; ST_OK only: not yet; else failed. */
static enum status poll_opening(struct nccl *n, bool *settled, struct errmsg *em)
{
    pthread_mutex_lock(&n->lock);
    bool late = n->now_s > n->timeout_s;
    pthread_mutex_unlock(&n->lock);
    ncclResult_t result = nccl_ask(n->comm);
    *settled = result == ncclSuccess;
    if (result != ncclSuccess && result != ncclInProgress)
        return fail_nccl(n, result, "NCCL cannot open", em);
    if (!*settled && late)
        return FAIL(em, ST_PEER,
                    "NCCL has not opened after %g s on host %s; NCCL_DEBUG=INFO shows what it "
                    "waits for",
                    n->timeout_s, n->host->place.host);
    return ST_OK;
}

/*
 * Opens NCCL in rounds. In every round all ranks agree on a status, so that after a failure on one
 * rank the others do not wait for their deadline.
 */
static enum status open_together(struct nccl *n, const ncclUniqueId *id, struct errmsg *em)
{
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    ncclResult_t result = ncclCommInitRankConfig(&n->comm, n->host->place.world_size, *id,
                                                 n->host->place.rank, &config);
    enum status st = ST_OK;
    if (result != ncclSuccess && result != ncclInProgress) {
        n->comm = NULL;
        st = fail_nccl(n, result, "NCCL cannot open", em);
    }
    for (;;) {
        bool settled = true;
        if (st == ST_OK)
            st = poll_opening(n, &settled, em);
        uint64_t unsettled = !settled;
        st = comm_agree(n->host, st, em);
        if (st != ST_OK)
            return st;
        st = comm_agree_flags(n->host, &unsettled, em);
        if (st != ST_OK || !unsettled)
            return st;
        nap_us(OPEN_POLL_MS * 1000L);
    }
}

static void close_nccl_comm(ncclComm_t comm)
{
    double until = clock_seconds() + CLOSE_TIMEOUT_S;
    ncclResult_t result = ncclCommFinalize(comm);
    while (result == ncclInProgress && clock_seconds() < until) {
        nap_us(SETTLE_POLL_US);
        result = nccl_ask(comm);
    }
    (void)(result == ncclSuccess ? ncclCommDestroy(comm) : ncclCommAbort(comm));
}

static void free_nccl(struct nccl *n)
{
    for (int i = 0; i < NCCL_CALLS; i++)
        cudart_event_free(n->calls[i].done);
    cudart_event_free(n->ready);
    cudart_stream_free(n->side);
    board_free(n->board);
    pthread_cond_destroy(&n->changed);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

static void close_backend(struct comm *c)
{
    struct nccl *n = nccl_of(c);
    struct comm *host = n->host;
    nccl_watch_end(n);
    if (n->failed) /* MPI_Finalize would wait for ranks that may be gone */
        comm_abort(host, status_exit_code(ST_PEER));
    close_nccl_comm(n->comm);
    free_nccl(n);
    comm_close(host);
}

static struct nccl *new_nccl(struct comm *host, int device, double timeout_s)
{
    struct nccl *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->host = host;
    n->device = device;
    n->timeout_s = timeout_s > 0 ? timeout_s : HUGE_VAL;
    n->open_deadline_s = n->timeout_s + OPEN_GRACE_S;
    pthread_mutex_init(&n->lock, NULL);
    condition_init(&n->changed);
    return n;
}

static enum status open_backend(struct nccl *n, struct errmsg *em)
{
    ncclUniqueId id;
    enum status st = comm_agree(n->host, make_streams(n, em), em);
    if (st == ST_OK)
        st = board_open(n->host, &n->board, em);
    if (st == ST_OK)
        st = share_id(n, &id, em);
    if (st != ST_OK)
        return st;
    st = nccl_watch_start(n, em);
    bool watching = st == ST_OK;
    st = comm_agree(n->host, st, em);
    if (st == ST_OK)
        st = open_together(n, &id, em);
    pthread_mutex_lock(&n->lock);
    n->open_deadline_s = 0;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
    if (st != ST_OK && watching)
        nccl_watch_end(n);
    if (st != ST_OK && n->comm)
        (void)ncclCommAbort(n->comm);
    return st;
}

enum status nccl_open(struct comm *host, int device, double timeout_s, struct comm **out,
                      struct errmsg *em)
{
    static const struct comm_ops ops = {
        .name = "nccl",
        .begin = begin,
        .wait = wait,
        .finish = finish,
        .share_bytes = gpu_share_bytes,
        .gather = gpu_gather,
        .abort = gpu_abort,
        .close = close_backend,
        .alloc = alloc,
        .release = release,
    };
    struct comm *c = NULL;
    struct nccl *n = new_nccl(host, device, timeout_s);
    enum status st = n ? gpu_comm_new(host, &ops, n, device, &c, em)
                       : FAIL(em, ST_MEMORY, "out of memory for NCCL");
    st = comm_agree(host, st, em);
    if (st == ST_OK)
        st = open_backend(n, em);
    if (st == ST_OK) {
        *out = c;
        return ST_OK;
    }
    free(c);
    if (n)
        free_nccl(n);
    return st;
}
