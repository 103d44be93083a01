#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "reducer_priv.h"
#include "wire.h"

#include "base/poison.h"

/* ---- Making one ------------------------------------------------------------------------------ */

static enum status check_options(const struct reducer_options *o, struct errmsg *em)
{
    BUG_ON(o->n_tensors == 0 || o->tensors[0].first != 0);
    if (o->wire == REDUCER_WIRE_BF16 && (o->dtype != COMM_F32 || o->stream))
        return FAIL(em, ST_CONFIG,
                    "comm.wire = \"bf16\" needs fp32 gradients in host memory: set comm.wire = "
                    "\"fp32\" or train.device = \"cpu\"");
    return ST_OK;
}

enum status reducer_new(const struct reducer_options *o, struct reducer **out, struct errmsg *em)
{
    enum status st = check_options(o, em);
    if (st != ST_OK)
        return st;
    struct reducer *r = calloc(1, sizeof *r);
    if (!r)
        return FAIL(em, ST_MEMORY, "out of memory for the reducer");
    r->options = *o;
    r->element_bytes = o->dtype == COMM_F64 ? sizeof(double) : sizeof(float);
    r->tensors = calloc(o->n_tensors, sizeof *r->tensors);
    r->buckets = calloc(o->n_tensors, sizeof *r->buckets);
    r->ranges = calloc(o->n_tensors, sizeof *r->ranges);
    r->seen.tensor = calloc(o->n_tensors, sizeof *r->seen.tensor);
    r->seen.ready_s = calloc(o->n_tensors, sizeof *r->seen.ready_s);
    if (o->wire == REDUCER_WIRE_BF16)
        r->wire = malloc(o->count * sizeof *r->wire);
    if (!r->tensors || !r->buckets || !r->ranges || !r->seen.tensor || !r->seen.ready_s ||
        (o->wire == REDUCER_WIRE_BF16 && !r->wire)) {
        reducer_free(r);
        return FAIL(em, ST_MEMORY, "out of memory for the reducer");
    }
    memcpy(r->tensors, o->tensors, o->n_tensors * sizeof *r->tensors);
    r->options.tensors = r->tensors;
    *out = r;
    return ST_OK;
}

void reducer_free(struct reducer *r)
{
    if (!r)
        return;
    free(r->tensors);
    free(r->buckets);
    free(r->ranges);
    free(r->seen.tensor);
    free(r->seen.ready_s);
    free(r->wire);
    free(r);
}

const char *reducer_get_description(const struct reducer *r)
{
    return r->description;
}

size_t reducer_buckets(const struct reducer *r, const struct reducer_range **buckets_out)
{
    *buckets_out = r->ranges;
    return r->n_buckets;
}

/* ---- One range ------------------------------------------------------------------------------- */

static void *gradient_at(const struct reducer *r, size_t first)
{
    return (unsigned char *)r->options.gradients + first * r->element_bytes;
}

enum status reducer_send(struct reducer *r, struct reducer_range range, struct comm_ticket *ticket,
                         struct errmsg *em)
{
    const struct reducer_options *o = &r->options;
    void *memory = gradient_at(r, range.first);
    enum comm_dtype dtype = o->dtype;
    if (r->wire) {
        wire_pack_bf16(r->wire + range.first, memory, range.count);
        memory = r->wire + range.first;
        dtype = COMM_BF16;
    }
    return o->scatter
               ? comm_reduce_scatter_begin(o->comm, memory, range.count, dtype, o->stream, ticket,
                                           em)
               : comm_all_reduce_begin(o->comm, memory, range.count, dtype, o->stream, ticket, em);
}

enum status reducer_receive(struct reducer *r, struct reducer_range range,
                            struct comm_ticket *ticket, struct errmsg *em)
{
    enum status st = comm_wait(r->options.comm, ticket, COMM_NO_DEADLINE, em);
    if (st == ST_OK && r->wire)
        wire_unpack_bf16(gradient_at(r, range.first), r->wire + range.first, range.count);
    return st;
}

/* ---- A step ---------------------------------------------------------------------------------- */

static void send_next(struct reducer *r)
{
    if (r->next == 0)
        comm_record_buckets(r->options.comm, r->n_buckets);
    if (r->options.join_streams)
        r->options.join_streams(r->options.context);
    struct reducer_bucket *b = &r->buckets[r->next++];
    enum status st = reducer_send(r, b->range, &b->ticket, &r->failure);
    if (r->failed == ST_OK)
        r->failed = st;
}

static void start_step(struct reducer *r)
{
    r->next = 0;
    r->failed = ST_OK;
    r->failure = (struct errmsg){0};
    for (size_t i = 0; i < r->n_buckets; i++)
        r->buckets[i].missing = r->buckets[i].range.count;
}

void reducer_observe(struct reducer *r)
{
    r->seen.n = 0;
    r->seen.on = true;
}

void reducer_arm(struct reducer *r)
{
    r->armed = true;
}

static size_t tensor_at(const struct reducer *r, size_t first)
{
    size_t low = 0, high = r->options.n_tensors;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (r->tensors[middle].first <= first)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void record_ready(struct reducer *r, size_t first)
{
    struct reducer_observation *seen = &r->seen;
    double now = clock_seconds();
    if (seen->n == 0)
        seen->first_s = now;
    if (seen->n == r->options.n_tensors)
        return; /* a second backward: ignore it */
    seen->tensor[seen->n] = tensor_at(r, first);
    seen->ready_s[seen->n++] = now - seen->first_s;
}

void reducer_ready(void *reducer, size_t first, size_t count)
{
    struct reducer *r = reducer;
    if (r->seen.on)
        record_ready(r, first);
    if (!r->armed)
        return;
    size_t i = r->next; /* buckets before r->next have been sent */
    while (i < r->n_buckets && first - r->buckets[i].range.first >= r->buckets[i].range.count)
        i++;
    if (i == r->n_buckets)
        return;
    BUG_ON(count > r->buckets[i].missing); /* a second backward while armed */
    r->buckets[i].missing -= count;
    while (r->next < r->n_buckets && r->buckets[r->next].missing == 0)
        send_next(r);
}

enum status reducer_flush(struct reducer *r, struct errmsg *em)
{
    BUG_ON(r->n_buckets == 0); /* no plan */
    r->armed = false;
    while (r->next < r->n_buckets)
        send_next(r);
    return r->failed == ST_OK ? ST_OK : FAIL(em, r->failed, "%s", r->failure.text);
}

enum status reducer_wait(struct reducer *r, struct errmsg *em)
{
    enum status all = ST_OK;
    for (size_t i = 0; i < r->n_buckets; i++) {
        enum status st = reducer_receive(r, r->buckets[i].range, &r->buckets[i].ticket, em);
        if (all == ST_OK)
            all = st;
    }
    start_step(r);
    return all;
}
