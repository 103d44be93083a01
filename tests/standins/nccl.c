/*
 * STAND-IN for libnccl on host memory, between processes of one machine. For tests only.
 *
 * Collectives are queued on the stream with cudaLaunchHostFunc, and meet in shared memory. Kept
 * from the documentation of the real one: a non-blocking communicator answers ncclInProgress until
 * it has settled, and refuses other calls meanwhile; a group is launched at its outermost end;
 * abort is local; a rank that does not come lets the others hang; finalize waits for what is in
 * flight. Sums are taken in rank order (bf16 in fp32, rounded once), where the real one's order is
 * its own. Added: ranks whose calls differ get an async error, where the real one does whatever.
 *
 *   STANDIN_NCCL_FAIL=rank:k:how   on that rank's k-th collective (0: while it opens); how is
 *       error   the call fails                async   it never ends, and an async error is told
 *       hang    it never ends                 slow    as hang, for 300 ms
 *   STANDIN_NCCL_VERSION=n         what ncclGetVersion says
 */
#include <nccl.h>

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cudart.h"

enum { RANKS_MAX = 64, CHUNK_BYTES = 1 << 18, NAME_BYTES = 64, TEXT_BYTES = 128 };

enum kind { ALL_REDUCE = 1, REDUCE, BROADCAST, REDUCE_SCATTER, ALL_GATHER };

/* What all ranks must agree on. */
struct signature {
    int kind, type, root;
    size_t count;
    unsigned long number;
};

/* Shared memory of all ranks of a communicator. */
struct meeting {
    atomic_int attached, arrived;
    atomic_uint generation;
    struct signature signatures[RANKS_MAX];
    unsigned char data[][CHUNK_BYTES];
};

struct ncclComm {
    struct meeting *meeting;
    size_t bytes;
    char name[NAME_BYTES];
    int rank, n_ranks, blocking;
    atomic_int aborted, in_flight, async;
    atomic_int polls;  /* left until a non-blocking call has settled */
    atomic_int caller; /* the thread whose call has not settled; 0: none */
    atomic_int finalizing;
    unsigned long number;
    long fail_at; /* -1: never */
    char how[16];
    char text[TEXT_BYTES];
    struct op *captured;
};

struct op {
    ncclComm_t comm;
    struct signature signature;
    const unsigned char *in;
    unsigned char *out;
    cudaStream_t stream;
    int failing, captured; /* captured: a graph may run it again, so its communicator keeps it */
    struct op *next;
};

static void nap_us(long us)
{
    const struct timespec t = {.tv_nsec = us * 1000};
    nanosleep(&t, NULL);
}

static ncclResult_t say(ncclComm_t c, ncclResult_t result, const char *text)
{
    snprintf(c->text, sizeof c->text, "%s", text);
    return result;
}

const char *ncclGetErrorString(ncclResult_t result)
{
    static const char *const texts[] = {"no error",
                                        "unhandled cuda error",
                                        "unhandled system error",
                                        "internal error",
                                        "invalid argument",
                                        "invalid usage",
                                        "remote process exited or there was a network error",
                                        "NCCL operation in progress"};
    return (unsigned)result < sizeof texts / sizeof *texts ? texts[result] : "unknown result code";
}

const char *ncclGetLastError(ncclComm_t c)
{
    return c ? c->text : "";
}

ncclResult_t ncclGetVersion(int *out)
{
    const char *text = getenv("STANDIN_NCCL_VERSION");
    *out = text ? (int)strtol(text, NULL, 10) : NCCL_VERSION_CODE;
    return ncclSuccess;
}

ncclResult_t ncclMemAlloc(void **out, size_t bytes)
{
    return cudaMalloc(out, bytes) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

ncclResult_t ncclMemFree(void *memory)
{
    standin_unmap(memory);
    return ncclSuccess;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

ncclResult_t ncclGetUniqueId(ncclUniqueId *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    memset(out, 0, sizeof *out);
    snprintf(out->internal, NAME_BYTES, "/standin-nccl-%ld-%lld-%ld", (long)getpid(),
             (long long)t.tv_sec, t.tv_nsec);
    return ncclSuccess;
}

static void plan_failure(ncclComm_t c)
{
    int rank;
    long at;
    const char *text = getenv("STANDIN_NCCL_FAIL");
    c->fail_at = -1;
    if (text && sscanf(text, "%d:%ld:%15s", &rank, &at, c->how) == 3 && rank == c->rank)
        c->fail_at = at;
}

static int fails(const struct ncclComm *c, const char *how)
{
    return strcmp(c->how, how) == 0;
}

static int attach(ncclComm_t c)
{
    int fd = shm_open(c->name, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        return -1;
    c->meeting = MAP_FAILED;
    if (ftruncate(fd, (off_t)c->bytes) == 0)
        c->meeting = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (c->meeting == MAP_FAILED)
        return -1;
    if (c->fail_at == 0 && fails(c, "hang"))
        return 0;
    if (atomic_fetch_add(&c->meeting->attached, 1) == c->n_ranks - 1)
        shm_unlink(c->name);
    return 0;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *out, int n_ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t *config)
{
    const ncclConfig_t as_made =
        NCCL_CONFIG_INITIALIZER; /* headers before 2.29 do not name its magic */
    if (n_ranks < 1 || n_ranks > RANKS_MAX || rank < 0 || rank >= n_ranks || !config ||
        config->magic != as_made.magic || config->size > sizeof *config)
        return ncclInvalidArgument;
    ncclComm_t c = calloc(1, sizeof *c);
    if (!c)
        return ncclSystemError;
    c->rank = rank;
    c->n_ranks = n_ranks;
    c->blocking = config->blocking != 0; /* NCCL_CONFIG_UNDEF_INT: blocking */
    c->bytes = sizeof(struct meeting) + (size_t)n_ranks * CHUNK_BYTES;
    memcpy(c->name, id.internal, sizeof c->name - 1);
    plan_failure(c);
    if ((c->fail_at == 0 && fails(c, "error")) || attach(c) != 0) {
        free(c);
        return ncclSystemError;
    }
    if (c->fail_at == 0 && fails(c, "async"))
        c->async = ncclRemoteError;
    *out = c;
    while (c->blocking && atomic_load(&c->meeting->attached) < n_ranks)
        nap_us(50);
    c->polls = c->blocking ? 0 : 2;
    return c->blocking ? ncclSuccess : ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t c, ncclResult_t *out)
{
    *out = (ncclResult_t)atomic_load(&c->async);
    if (*out != ncclSuccess)
        return ncclSuccess;
    if (atomic_load(&c->meeting->attached) < c->n_ranks ||
        (atomic_load(&c->finalizing) && atomic_load(&c->in_flight) > 0))
        *out = ncclInProgress;
    else if (atomic_load(&c->polls) > 0) {
        int caller = atomic_load(&c->caller);
        *out = ncclInProgress;
        if (caller == 0 || caller == gettid()) {
            atomic_fetch_sub(&c->polls, 1);
        } else { /* the real one frees a call's record, without a lock, when it tells that it has
                    settled */
            atomic_store(&c->async, ncclInternalError);
            (void)say(c, ncclInternalError, "two threads ask for the same call");
        }
    }
    return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t c)
{
    atomic_store(&c->finalizing, 1);
    while (c->blocking && atomic_load(&c->in_flight) > 0)
        nap_us(50);
    atomic_store(&c->caller, 0);
    atomic_store(&c->polls, c->blocking ? 0 : 1);
    return c->blocking ? ncclSuccess : ncclInProgress;
}

ncclResult_t ncclCommDestroy(ncclComm_t c)
{
    while (atomic_load(&c->in_flight) > 0)
        nap_us(50);
    while (c->captured) {
        struct op *o = c->captured;
        c->captured = o->next;
        free(o);
    }
    munmap(c->meeting, c->bytes);
    free(c);
    return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t c)
{
    atomic_store(&c->aborted, 1);
    shm_unlink(c->name);
    return ncclCommDestroy(c);
}

/* ---- Arithmetic ------------------------------------------------------------------------------ */

static size_t bytes_of(int type)
{
    switch (type) {
    case ncclUint8:
        return 1;
    case ncclBfloat16:
        return 2;
    case ncclFloat32:
        return 4;
    case ncclFloat64:
    case ncclUint64:
        return 8;
    }
    return 0;
}

static float from_bf16(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static uint16_t to_bf16(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x40u); /* a NaN stays one */
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

/* The sum of element i of all ranks' data, into out. */
#define SUM_AS(type)                                                         \
    do {                                                                     \
        type sum = ((const type *)(const void *)m->data[0])[i];              \
        for (int r = 1; r < n_ranks; r++)                                    \
            sum = (type)(sum + ((const type *)(const void *)m->data[r])[i]); \
        ((type *)(void *)out)[i] = sum;                                      \
    } while (0)

static void sum_element(const struct meeting *m, int n_ranks, int type, size_t i,
                        unsigned char *out)
{
    switch (type) {
    case ncclFloat32:
        SUM_AS(float);
        break;
    case ncclFloat64:
        SUM_AS(double);
        break;
    case ncclUint64:
        SUM_AS(uint64_t);
        break;
    case ncclUint8:
        SUM_AS(uint8_t);
        break;
    case ncclBfloat16: {
        float sum = from_bf16(((const uint16_t *)(const void *)m->data[0])[i]);
        for (int r = 1; r < n_ranks; r++)
            sum += from_bf16(((const uint16_t *)(const void *)m->data[r])[i]);
        ((uint16_t *)(void *)out)[i] = to_bf16(sum);
        break;
    }
    default:
        break;
    }
}

/* ---- Collectives ----------------------------------------------------------------------------- */

/* False when this rank's communicator was aborted meanwhile. */
static int meet(ncclComm_t c)
{
    struct meeting *m = c->meeting;
    unsigned generation = atomic_load(&m->generation);
    if (atomic_fetch_add(&m->arrived, 1) == c->n_ranks - 1) {
        atomic_store(&m->arrived, 0);
        atomic_fetch_add(&m->generation, 1);
        return 1;
    }
    for (int spins = 0; atomic_load(&m->generation) == generation; spins++) {
        if (atomic_load(&c->aborted))
            return 0;
        if (spins > 100)
            nap_us(50);
        else
            sched_yield();
    }
    return 1;
}

/* Elements [at, at + n) of the whole, which lie in the part that belongs to `owner`. */
static int exchange_chunk(const struct op *o, size_t at, size_t n, int owner)
{
    ncclComm_t c = o->comm;
    const struct signature *s = &o->signature;
    size_t element = bytes_of(s->type), part = (size_t)owner * s->count;
    int sums = s->kind != BROADCAST && s->kind != ALL_GATHER;
    int takes = (s->kind != REDUCE && s->kind != REDUCE_SCATTER) || owner == c->rank;
    const unsigned char *in = o->in + (s->kind == ALL_GATHER ? at - part : at) * element;
    unsigned char *out = o->out + (s->kind == REDUCE_SCATTER ? at - part : at) * element;
    if (sums || owner == c->rank)
        memcpy(c->meeting->data[c->rank], in, n * element);
    if (!meet(c))
        return 0;
    if (takes && !sums)
        memcpy(out, c->meeting->data[owner], n * element);
    for (size_t i = 0; takes && sums && i < n; i++)
        sum_element(c->meeting, c->n_ranks, s->type, i, out);
    return meet(c);
}

static int exchange(const struct op *o)
{
    const struct signature *s = &o->signature;
    int in_parts = s->kind == REDUCE_SCATTER || s->kind == ALL_GATHER;
    int parts = in_parts ? o->comm->n_ranks : 1;
    size_t chunk = CHUNK_BYTES / bytes_of(s->type);
    for (int p = 0; p < parts; p++)
        for (size_t done = 0; done < s->count; done += chunk) {
            size_t n = s->count - done < chunk ? s->count - done : chunk;
            int owner = in_parts ? p : s->root;
            if (!exchange_chunk(o, (in_parts ? (size_t)p * s->count : 0) + done, n, owner))
                return 0;
        }
    return 1;
}

static void hang(ncclComm_t c)
{
    while (!atomic_load(&c->aborted))
        nap_us(200);
}

static int same(const struct signature *a, const struct signature *b)
{
    return a->kind == b->kind && a->type == b->type && a->root == b->root && a->count == b->count &&
           a->number == b->number;
}

static void fail_async(ncclComm_t c, ncclResult_t result, const char *text)
{
    say(c, result, text);
    atomic_store(&c->async, (int)result);
    hang(c);
}

/* On the stream's thread. */
static void run(void *arg)
{
    struct op *o = arg;
    ncclComm_t c = o->comm;
    int captured = o->captured;
    if (captured)
        atomic_fetch_add(&c->in_flight, 1);
    if (o->failing && fails(c, "async"))
        fail_async(c, ncclRemoteError, "a failure asked for by the test");
    if (o->failing && fails(c, "hang"))
        hang(c);
    if (o->failing && fails(c, "slow"))
        nap_us(300000);
    if (atomic_load(&c->aborted))
        goto out;
    c->meeting->signatures[c->rank] = o->signature;
    if (!meet(c))
        goto out;
    for (int r = 0; r < c->n_ranks; r++)
        if (!same(&c->meeting->signatures[r], &o->signature)) {
            fail_async(c, ncclInvalidUsage, "ranks differ in the collective they call");
            goto out;
        }
    exchange(o);
out:
    if (!captured)
        free(o);
    atomic_fetch_sub(&c->in_flight, 1);
}

static _Thread_local int depth;
static _Thread_local struct op *first_op, **tail;

static ncclResult_t launch_all(void)
{
    ncclComm_t c = NULL;
    ncclResult_t result = ncclSuccess;
    while (first_op) {
        struct op *o = first_op;
        first_op = o->next;
        c = o->comm;
        if (o->failing && fails(c, "error")) {
            result = say(c, ncclSystemError, "a failure asked for by the test");
            free(o);
            continue;
        }
        if (o->captured) {
            o->next = c->captured;
            c->captured = o;
        } else {
            atomic_fetch_add(&c->in_flight, 1);
        }
        if (cudaLaunchHostFunc(o->stream, run, o) != cudaSuccess)
            result = ncclUnhandledCudaError;
    }
    tail = NULL;
    if (result != ncclSuccess || !c || c->blocking)
        return result;
    atomic_store(&c->caller, gettid());
    atomic_store(&c->polls, 1);
    return ncclInProgress;
}

static ncclResult_t add(ncclComm_t c, struct signature s, const void *in, void *out,
                        cudaStream_t stream)
{
    if (!c || !in || !out || s.root < 0 || s.root >= c->n_ranks || bytes_of(s.type) == 0)
        return ncclInvalidArgument;
    if (atomic_load(&c->aborted))
        return say(c, ncclInvalidUsage, "the communicator was aborted");
    if (atomic_load(&c->polls) > 0 || atomic_load(&c->meeting->attached) < c->n_ranks)
        return say(c, ncclInvalidArgument, "the call before has not settled");
    struct op *o = calloc(1, sizeof *o);
    if (!o)
        return ncclSystemError;
    enum cudaStreamCaptureStatus capture;
    cudaStreamIsCapturing(stream, &capture);
    *o = (struct op){.comm = c, .signature = s, .in = in, .out = out, .stream = stream};
    o->captured = capture == cudaStreamCaptureStatusActive;
    o->signature.number = ++c->number;
    o->failing = c->fail_at > 0 && (unsigned long)c->fail_at == c->number;
    *(tail ? tail : &first_op) = o;
    tail = &o->next;
    return depth > 0 ? ncclSuccess : launch_all();
}

ncclResult_t ncclGroupStart(void)
{
    depth++;
    return ncclSuccess;
}

ncclResult_t ncclGroupEnd(void)
{
    if (depth == 0)
        return ncclInvalidUsage;
    return --depth > 0 ? ncclSuccess : launch_all();
}

ncclResult_t ncclAllReduce(const void *in, void *out, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t c, cudaStream_t stream)
{
    struct signature s = {.kind = ALL_REDUCE, .type = type, .count = count};
    return op == ncclSum ? add(c, s, in, out, stream) : ncclInvalidArgument;
}

ncclResult_t ncclReduce(const void *in, void *out, size_t count, ncclDataType_t type,
                        ncclRedOp_t op, int root, ncclComm_t c, cudaStream_t stream)
{
    struct signature s = {.kind = REDUCE, .type = type, .count = count, .root = root};
    return op == ncclSum ? add(c, s, in, out, stream) : ncclInvalidArgument;
}

ncclResult_t ncclBroadcast(const void *in, void *out, size_t count, ncclDataType_t type, int root,
                           ncclComm_t c, cudaStream_t stream)
{
    struct signature s = {.kind = BROADCAST, .type = type, .count = count, .root = root};
    return add(c, s, in, out, stream);
}

ncclResult_t ncclReduceScatter(const void *in, void *out, size_t count, ncclDataType_t type,
                               ncclRedOp_t op, ncclComm_t c, cudaStream_t stream)
{
    struct signature s = {.kind = REDUCE_SCATTER, .type = type, .count = count};
    return op == ncclSum ? add(c, s, in, out, stream) : ncclInvalidArgument;
}

ncclResult_t ncclAllGather(const void *in, void *out, size_t count, ncclDataType_t type,
                           ncclComm_t c, cudaStream_t stream)
{
    struct signature s = {.kind = ALL_GATHER, .type = type, .count = count};
    return add(c, s, in, out, stream);
}
