/*
 * GPUs without NCCL. *_begin copies the range to pinned host memory, runs the collective with the
 * host communicator, and copies the result back. This is slow; NCCL, however, cannot run several
 * ranks on one GPU. With one rank it does nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "cudart.h"
#include "gpu.h"

#include "base/poison.h"

struct through_host {
    struct comm_ops ops; /* the table below, with the host communicator's name */
    struct comm *host;
    void *pinned;
    size_t pinned_bytes;
};

static struct through_host *through_host_of(struct comm *c)
{
    return c->backend;
}

static enum status make_room(struct through_host *s, size_t bytes, struct errmsg *em)
{
    if (bytes <= s->pinned_bytes)
        return ST_OK;
    cudart_pinned_free(s->pinned);
    s->pinned = NULL;
    s->pinned_bytes = 0;
    enum status st = cudart_pinned_alloc(bytes, &s->pinned, em);
    if (st == ST_OK)
        s->pinned_bytes = bytes;
    return st;
}

/* Copies the range, as the stream leaves it, to pinned memory, and waits for the copy. */
static enum status fetch(struct through_host *s, const void *range, size_t bytes, void *stream,
                         struct errmsg *em)
{
    enum status st = make_room(s, bytes, em);
    if (st == ST_OK)
        st = cudart_copy(s->pinned, range, bytes, stream, em);
    return st == ST_OK ? cudart_stream_finish(stream, em) : st;
}

/* Copies the result back and waits: the next range can then use the pinned memory. */
static enum status bring_back(struct through_host *s, void *range, size_t bytes, void *stream,
                              struct errmsg *em)
{
    enum status st = cudart_copy(range, s->pinned, bytes, stream, em);
    return st == ST_OK ? cudart_stream_finish(stream, em) : st;
}

static enum status begin(struct comm *c, const struct comm_call *call, void *range, void *stream,
                         struct errmsg *em)
{
    struct through_host *s = through_host_of(c);
    size_t bytes = call->count * comm_dtype_bytes(call->dtype);
    if (c->place.world_size == 1 || call->count == 0)
        return ST_OK;
    if (!stream)
        return gpu_on_host(s->host, call, range, em);
    /* agree before and after: if this GPU fails, the other ranks must not go on without it */
    enum status st = comm_agree(s->host, fetch(s, range, bytes, stream, em), em);
    if (st == ST_OK)
        st = gpu_on_host(s->host, call, s->pinned, em);
    return st == ST_OK ? comm_agree(s->host, bring_back(s, range, bytes, stream, em), em) : st;
}

static enum status wait(struct comm *c, uint64_t sequence, double deadline_s, struct errmsg *em)
{
    (void)c, (void)sequence, (void)deadline_s, (void)em; /* begin has already waited */
    return ST_OK;
}

static enum status alloc(struct comm *c, size_t bytes, void **out, struct errmsg *em)
{
    (void)c;
    void *memory;
    enum status st = cudart_alloc(bytes, &memory, em);
    if (st != ST_OK)
        return st;
    st = cudart_zero(memory, bytes, em);
    if (st == ST_OK)
        *out = memory;
    else
        cudart_free(memory);
    return st;
}

static bool release(struct comm *c, void *memory)
{
    (void)c;
    cudart_free(memory);
    return true;
}

static void close_through_host(struct comm *c)
{
    struct through_host *s = through_host_of(c);
    cudart_pinned_free(s->pinned);
    comm_close(s->host);
    free(s);
}

enum status through_host_open(struct comm *host, int device, struct comm **out, struct errmsg *em)
{
    static const struct comm_ops ops = {
        .begin = begin,
        .wait = wait,
        .share_bytes = gpu_share_bytes,
        .gather = gpu_gather,
        .abort = gpu_abort,
        .close = close_through_host,
        .alloc = alloc,
        .release = release,
    };
    struct through_host *s = calloc(1, sizeof *s);
    if (!s)
        return FAIL(em, ST_MEMORY, "out of memory");
    s->ops = ops;
    s->ops.name = host->ops->name;
    s->host = host;
    enum status st = gpu_comm_new(host, &s->ops, s, device, out, em);
    if (st != ST_OK)
        free(s);
    return st;
}
