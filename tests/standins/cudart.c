/*
 * STAND-IN for libcudart on host memory: no GPU, nothing of NVIDIA's. For tests only.
 *
 * Device memory is host memory. Each stream is a thread with a queue, started at its first item, so
 * that a missing event shows as a wrong result, as it would on a GPU. A capture keeps the items of
 * its streams, in the order in which they came, and a launch queues them again.
 *
 *   STANDIN_CUDA_DEVICES=n           devices (2)
 *   STANDIN_CUDA_FIRST=n             which GPU is this process's device 0, as told by UUID (0)
 *   STANDIN_CUDA_SLICES=1            devices are MIG slices of one card (each is a card)
 *   STANDIN_CUDA_JITTER_US=n         each item first sleeps for a random time up to this
 *   STANDIN_CUDA_TRACE=file          a line for each launch, copy, setting of memory and wait
 *   STANDIN_CUDA_FAIL=function:k:e   the k-th call of the function, and each later one, gives error
 * e
 */
#include "cudart.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Items that are queued hold references: destroying an event that is still awaited is legal. */
struct CUevent_st {
    unsigned long recorded, completed;
    double at_ms;
    cudaGraph_t graph; /* of the capture it was last recorded in */
    int references;
};

struct CUstream_st {
    pthread_t thread;
    struct item *head, **tail;
    unsigned long queued, done;
    int started, stop;
    cudaGraph_t graph;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER; /* one for all: tests are small */
static struct CUstream_st *default_stream;
static unsigned long all_queued, all_done; /* items of all streams */
static int captures;                       /* that go on */
static _Thread_local cudaError_t last_error;
static _Thread_local int current_device;

/* ---- Settings -------------------------------------------------------------------------------- */

int standin_devices(void)
{
    const char *text = getenv("STANDIN_CUDA_DEVICES");
    return text ? (int)strtol(text, NULL, 10) : 2;
}

cudaError_t standin_return(cudaError_t error)
{
    if (error != cudaSuccess && error != cudaErrorNotReady)
        last_error = error;
    return error;
}

cudaError_t standin_fault(const char *function)
{
    static unsigned long calls;
    unsigned long from;
    char name[64];
    int error;
    const char *text = getenv("STANDIN_CUDA_FAIL");
    if (!text || sscanf(text, "%63[^:]:%lu:%d", name, &from, &error) != 3 ||
        strcmp(name, function) != 0)
        return cudaSuccess;
    pthread_mutex_lock(&lock);
    cudaError_t result = ++calls >= from ? (cudaError_t)error : cudaSuccess;
    pthread_mutex_unlock(&lock);
    return result;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- Streams --------------------------------------------------------------------------------- */

static void sleep_up_to(unsigned us, unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    const struct timespec t = {.tv_nsec = (long)(*seed >> 8) % (long)us * 1000};
    nanosleep(&t, NULL);
}

static void work_on(const struct item *item, unsigned jitter_us, unsigned *seed)
{
    if (jitter_us > 0)
        sleep_up_to(jitter_us, seed);
    if (item->kind == ITEM_RUN)
        item->fn(item->to);
    else if (item->kind == ITEM_COPY)
        memmove(item->to, item->from, item->bytes);
    else if (item->kind == ITEM_SET)
        memset(item->to, item->value, item->bytes);
}

/* With the lock held. */
static void settle_event(const struct item *item)
{
    cudaEvent_t e = item->event;
    if (item->kind == ITEM_MARK) {
        e->completed = item->number > e->completed ? item->number : e->completed;
        e->at_ms = now_ms();
    }
    while (item->kind == ITEM_AWAIT && e->completed < item->number)
        pthread_cond_wait(&changed, &lock);
    if (--e->references == 0)
        free(e);
}

static void *work(void *arg)
{
    struct CUstream_st *s = arg;
    const char *text = getenv("STANDIN_CUDA_JITTER_US");
    unsigned jitter_us = text ? (unsigned)strtoul(text, NULL, 10) : 0;
    unsigned seed = (unsigned)getpid() ^ (unsigned)(size_t)s;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (!s->head && !s->stop)
            pthread_cond_wait(&changed, &lock);
        struct item *item = s->head;
        if (!item)
            break;
        pthread_mutex_unlock(&lock);
        work_on(item, jitter_us, &seed);
        pthread_mutex_lock(&lock);
        if (item->event)
            settle_event(item);
        s->head = item->next;
        if (!s->head)
            s->tail = &s->head;
        s->done++;
        all_done++;
        pthread_cond_broadcast(&changed);
        free(item);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static struct CUstream_st *new_stream(void)
{
    struct CUstream_st *s = calloc(1, sizeof *s);
    if (s)
        s->tail = &s->head;
    return s;
}

static struct CUstream_st *resolve(cudaStream_t s)
{
    if (s && s != cudaStreamLegacy && s != cudaStreamPerThread)
        return s;
    pthread_mutex_lock(&lock);
    if (!default_stream)
        default_stream = new_stream();
    pthread_mutex_unlock(&lock);
    return default_stream;
}

cudaGraph_t standin_capture_of(cudaStream_t s)
{
    return s && s != cudaStreamLegacy && s != cudaStreamPerThread ? s->graph : NULL;
}

/* With the lock held. Events only say which streams a capture has drawn in. */
static void capture(struct CUstream_st *s, struct item *item)
{
    cudaGraph_t g = s->graph;
    if (item->kind == ITEM_MARK)
        item->event->graph = g;
    if (item->event) {
        free(item);
        return;
    }
    *g->tail = item;
    g->tail = &item->next;
    g->n_items++;
}

/* With the lock held. */
static void enqueue(struct CUstream_st *s, struct item *item)
{
    if (item->kind == ITEM_MARK) {
        item->event->graph = NULL;
        item->number = ++item->event->recorded;
    }
    if (item->kind == ITEM_AWAIT)
        item->number = item->event->recorded;
    if (item->event)
        item->event->references++;
    *s->tail = item;
    s->tail = &item->next;
    s->queued++;
    all_queued++;
    if (!s->started && pthread_create(&s->thread, NULL, work, s) != 0)
        abort();
    s->started = 1; /* libtorch makes a hundred streams and uses two */
    pthread_cond_broadcast(&changed);
}

cudaError_t standin_push(cudaStream_t stream, struct item wanted)
{
    struct CUstream_st *s = resolve(stream);
    struct item *item = malloc(sizeof *item);
    if (!item || !s) {
        free(item);
        return standin_return(cudaErrorMemoryAllocation);
    }
    *item = wanted;
    item->next = NULL;
    pthread_mutex_lock(&lock);
    cudaGraph_t drawn = item->kind == ITEM_AWAIT ? item->event->graph : NULL;
    if (drawn && !s->graph && drawn->n_streams < 16) {
        s->graph = drawn;
        drawn->streams[drawn->n_streams++] = s;
    }
    if (s->graph)
        capture(s, item);
    else
        enqueue(s, item);
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

void standin_trace(const char *kind, const char *name)
{
    static int file = -1;
    const char *path = getenv("STANDIN_CUDA_TRACE");
    if (!path)
        return;
    pthread_mutex_lock(&lock);
    if (file < 0)
        file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    dprintf(file, "%s%s\t%s\n", captures > 0 ? "recorded " : "", kind, name);
    pthread_mutex_unlock(&lock);
}

void standin_drain(cudaStream_t stream)
{
    struct CUstream_st *s = resolve(stream);
    pthread_mutex_lock(&lock);
    unsigned long until = s->queued;
    while (s->done < until)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

void standin_drain_all(void)
{
    pthread_mutex_lock(&lock);
    while (all_done < all_queued)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *out, unsigned flags, int priority)
{
    (void)flags, (void)priority;
    FAULT_OR_GO_ON;
    *out = new_stream();
    return standin_return(*out ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
    FAULT_OR_GO_ON;
    return cudaStreamCreateWithPriority(out, flags, 0);
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    FAULT_OR_GO_ON;
    standin_drain(s);
    pthread_mutex_lock(&lock);
    s->stop = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (s->started)
        pthread_join(s->thread, NULL);
    free(s);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    FAULT_OR_GO_ON;
    standin_trace("wait", "stream");
    standin_drain(s);
    return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    struct CUstream_st *s = resolve(stream);
    FAULT_OR_GO_ON;
    pthread_mutex_lock(&lock);
    int idle = s->done == s->queued;
    pthread_mutex_unlock(&lock);
    return idle ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t fn, void *data)
{
    FAULT_OR_GO_ON;
    return standin_push(stream, (struct item){.kind = ITEM_RUN, .fn = fn, .to = data});
}

/* ---- Events ---------------------------------------------------------------------------------- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
    (void)flags;
    FAULT_OR_GO_ON;
    cudaEvent_t e = calloc(1, sizeof *e);
    if (!e)
        return standin_return(cudaErrorMemoryAllocation);
    e->references = 1;
    *out = e;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    FAULT_OR_GO_ON;
    pthread_mutex_lock(&lock);
    if (--e->references == 0)
        free(e);
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t stream)
{
    FAULT_OR_GO_ON;
    return standin_push(stream, (struct item){.kind = ITEM_MARK, .event = e});
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t e, cudaStream_t stream, unsigned flags)
{
    (void)flags;
    return cudaEventRecord(e, stream);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t e, unsigned flags)
{
    (void)flags;
    FAULT_OR_GO_ON;
    return standin_push(stream, (struct item){.kind = ITEM_AWAIT, .event = e});
}

cudaError_t cudaEventQuery(cudaEvent_t e)
{
    FAULT_OR_GO_ON;
    pthread_mutex_lock(&lock);
    int done = e->completed >= e->recorded, captured = e->graph != NULL;
    pthread_mutex_unlock(&lock);
    if (captured)
        return standin_return(cudaErrorStreamCaptureUnsupported);
    return done ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    FAULT_OR_GO_ON;
    standin_trace("wait", "event");
    pthread_mutex_lock(&lock);
    while (e->completed < e->recorded)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    FAULT_OR_GO_ON;
    *ms = (float)(to->at_ms - from->at_ms);
    return cudaSuccess;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* What was given out, on a device or pinned on the host. */
struct block {
    struct block *next;
    char *first;
    size_t bytes;
    enum cudaMemoryType type;
    int device;
};
static struct block *blocks;

static cudaError_t give(void **out, size_t bytes, enum cudaMemoryType type)
{
    struct block *b = malloc(sizeof *b);
    if (!b || posix_memalign(out, 4096, bytes ? bytes : 1)) {
        free(b);
        return standin_return(cudaErrorMemoryAllocation);
    }
    memset(*out, 0, bytes); /* what no kernel writes is then the same in every process */
    pthread_mutex_lock(&lock);
    *b = (struct block){blocks, *out, bytes, type, current_device};
    blocks = b;
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

static void take_back(void *memory)
{
    pthread_mutex_lock(&lock);
    struct block **at = &blocks;
    while (*at && (*at)->first != memory)
        at = &(*at)->next;
    struct block *b = *at;
    if (b)
        *at = b->next;
    pthread_mutex_unlock(&lock);
    free(b);
    free(memory);
}

enum cudaMemoryType standin_memory_type(const void *memory, int *device)
{
    enum cudaMemoryType type = cudaMemoryTypeUnregistered;
    pthread_mutex_lock(&lock);
    for (const struct block *b = blocks; b; b = b->next)
        if ((const char *)memory >= b->first && (const char *)memory < b->first + b->bytes) {
            type = b->type;
            *device = b->device;
        }
    pthread_mutex_unlock(&lock);
    return type;
}

cudaError_t cudaDeviceSynchronize(void)
{
    FAULT_OR_GO_ON;
    standin_trace("wait", "device");
    standin_drain_all();
    return cudaSuccess;
}

void standin_unmap(void *memory)
{
    take_back(memory);
}

cudaError_t cudaMalloc(void **out, size_t bytes)
{
    FAULT_OR_GO_ON;
    return give(out, bytes, cudaMemoryTypeDevice);
}

cudaError_t cudaFree(void *memory)
{
    FAULT_OR_GO_ON;
    standin_drain_all(); /* as the real one does */
    take_back(memory);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **out, size_t bytes)
{
    FAULT_OR_GO_ON;
    return give(out, bytes, cudaMemoryTypeHost);
}

cudaError_t cudaHostAlloc(void **out, size_t bytes, unsigned flags)
{
    (void)flags;
    return cudaMallocHost(out, bytes);
}

cudaError_t cudaFreeHost(void *memory)
{
    standin_drain_all();
    take_back(memory);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    static const char *const kinds[] = {"host to host", "host to device", "device to host",
                                        "device to device", "either"};
    FAULT_OR_GO_ON;
    standin_trace("copy", kinds[kind]);
    return standin_push(stream,
                        (struct item){.kind = ITEM_COPY, .to = to, .from = from, .bytes = bytes});
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind)
{
    cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, NULL);
    standin_trace("wait", "copy");
    if (error == cudaSuccess)
        standin_drain(NULL);
    return error;
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    FAULT_OR_GO_ON;
    standin_trace("set", "memory");
    return standin_push(
        stream, (struct item){.kind = ITEM_SET, .to = memory, .value = value, .bytes = bytes});
}

cudaError_t cudaMemset(void *memory, int value, size_t bytes)
{
    cudaError_t error = cudaMemsetAsync(memory, value, bytes, NULL);
    if (error == cudaSuccess)
        standin_drain(NULL);
    return error;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *all_bytes)
{
    *free_bytes = *all_bytes = (size_t)8 << 30;
    return cudaSuccess;
}

/* ---- Devices and errors ---------------------------------------------------------------------- */

cudaError_t cudaGetDeviceCount(int *n)
{
    FAULT_OR_GO_ON;
    *n = standin_devices();
    return standin_return(*n > 0 ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device)
{
    FAULT_OR_GO_ON;
    if (device < 0 || device >= standin_devices())
        return standin_return(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *out, int device)
{
    FAULT_OR_GO_ON;
    const char *first = getenv("STANDIN_CUDA_FIRST");
    if (device < 0 || device >= standin_devices())
        return standin_return(cudaErrorInvalidDevice);
    int number = device + (first ? (int)strtol(first, NULL, 10) : 0);
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "stand-in GPU %d", number);
    memcpy(out->uuid.bytes, "stand-in", 8);
    out->uuid.bytes[15] = (char)number;
    out->pciBusID = getenv("STANDIN_CUDA_SLICES") ? 1 : 1 + number;
#ifdef STANDIN_FOR_LIBTORCH
    standin_describe(out);
#endif
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device)
{
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *out)
{
    *out = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *out)
{
    *out = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *lowest, int *highest)
{
    if (lowest)
        *lowest = 0;
    if (highest)
        *highest = -5;
    return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(enum cudaStreamCaptureMode *mode)
{
    (void)mode;
    return cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError(void)
{
    return last_error;
}

const char *cudaGetErrorName(cudaError_t error)
{
    return error == cudaSuccess ? "cudaSuccess" : "a stand-in's error";
}

const char *cudaGetErrorString(cudaError_t error)
{
    static _Thread_local char text[64];
    snprintf(text, sizeof text, error == cudaSuccess ? "no error" : "the stand-in's CUDA error %d",
             (int)error);
    return text;
}

/* ---- Graphs ---------------------------------------------------------------------------------- */

cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode mode)
{
    (void)mode;
    FAULT_OR_GO_ON;
    if (!s || s == cudaStreamLegacy || s == cudaStreamPerThread || s->graph)
        return standin_return(cudaErrorStreamCaptureUnsupported);
    cudaGraph_t g = calloc(1, sizeof *g);
    if (!g)
        return standin_return(cudaErrorMemoryAllocation);
    pthread_mutex_lock(&lock);
    g->tail = &g->head;
    g->streams[g->n_streams++] = s;
    s->graph = g;
    captures++;
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *out)
{
    FAULT_OR_GO_ON;
    cudaGraph_t g = standin_capture_of(s);
    if (!g)
        return standin_return(cudaErrorIllegalState);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < g->n_streams; i++)
        g->streams[i]->graph = NULL;
    captures--;
    pthread_mutex_unlock(&lock);
    *out = g;
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *out)
{
    *out = standin_capture_of(s) ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t g, unsigned long long flags)
{
    (void)flags;
    FAULT_OR_GO_ON;
    *out = (cudaGraphExec_t)(void *)g;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    FAULT_OR_GO_ON;
    standin_trace("graph", "launch");
    cudaGraph_t g = (cudaGraph_t)(void *)exec;
    for (const struct item *i = g->head; i; i = i->next) {
        cudaError_t error = standin_push(stream, *i);
        if (error != cudaSuccess)
            return error;
    }
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    cudaGraph_t g = (cudaGraph_t)(void *)exec;
    while (g->head) {
        struct item *i = g->head;
        g->head = i->next;
        free(i);
    }
    free(g);
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
    (void)g; /* what was instantiated owns it */
    return cudaSuccess;
}
