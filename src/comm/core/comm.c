#include "comm/comm.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "comm_priv.h"

enum { ALIGNMENT = 64, GATHER_BYTES_MAX = 1 << 30 };

void comm_close(struct comm *c)
{
    if (c)
        c->ops->close(c);
    free(c);
}

void comm_set_timeout(struct comm *c, double timeout_s)
{
    for (; c; c = c->host)
        c->options.timeout_s = timeout_s > 0 ? timeout_s : -1.0; /* negative: no limit */
}

_Noreturn void comm_abort(struct comm *c, int exit_code)
{
    c->ops->abort(c, exit_code);
    _Exit(exit_code);
}

int comm_rank(const struct comm *c)
{
    return c->place.rank;
}

int comm_world_size(const struct comm *c)
{
    return c->place.world_size;
}

int comm_local_rank(const struct comm *c)
{
    return c->place.local_rank;
}

int comm_local_size(const struct comm *c)
{
    return c->place.local_size;
}

int comm_node_count(const struct comm *c)
{
    return c->place.node_count;
}

const char *comm_host_name(const struct comm *c)
{
    return c->place.host;
}

bool comm_place_same_node(const struct comm_place *a, const struct comm_place *b)
{
    return a->node == b->node && strcmp(a->host, b->host) == 0;
}

const char *comm_backend_name(const struct comm *c)
{
    return c->ops->name;
}

int comm_device(const struct comm *c)
{
    return c->device;
}

enum status comm_alloc(struct comm *c, size_t bytes, void **out, struct errmsg *em)
{
    size_t padded;
    void *memory = NULL;
    enum status st = c->ops->alloc ? c->ops->alloc(c, bytes, &memory, em) : ST_OK;
    if (st != ST_OK || memory) {
        *out = memory;
        return st;
    }
    if (checked_add(bytes, ALIGNMENT, &padded))
        memory = aligned_alloc(ALIGNMENT, padded / ALIGNMENT * ALIGNMENT);
    if (!memory)
        return FAIL(em, ST_MEMORY, "out of memory: cannot get %zu MiB for the flat state",
                    bytes >> 20);
    memset(memory, 0, bytes);
    *out = memory;
    return ST_OK;
}

void comm_free(struct comm *c, void *memory)
{
    if (memory && !(c->ops->release && c->ops->release(c, memory)))
        free(memory);
}

static enum status begin(struct comm *c, enum comm_kind kind, void *range, size_t count,
                         enum comm_dtype dtype, int root, void *stream, struct comm_ticket *ticket,
                         struct errmsg *em)
{
    bool sums = kind == COMM_ALL_REDUCE || kind == COMM_REDUCE_SCATTER;
    BUG_ON(sums && dtype == COMM_U8); /* bytes have no sum */
    BUG_ON(ticket->sequence != 0);    /* comm_wait was not called for the last collective */
    ticket->sequence = ++c->sequence;
    const struct comm_call call = {ticket->sequence, count, kind, dtype, root};
    comm_progress_begin(&c->progress, &call);
    return c->ops->begin(c, &call, range, stream, em);
}

enum status comm_all_reduce_begin(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                                  void *stream, struct comm_ticket *ticket, struct errmsg *em)
{
    return begin(c, COMM_ALL_REDUCE, range, count, dtype, 0, stream, ticket, em);
}

enum status comm_reduce_scatter_begin(struct comm *c, void *range, size_t count,
                                      enum comm_dtype dtype, void *stream,
                                      struct comm_ticket *ticket, struct errmsg *em)
{
    return begin(c, COMM_REDUCE_SCATTER, range, count, dtype, 0, stream, ticket, em);
}

enum status comm_all_gather_begin(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                                  void *stream, struct comm_ticket *ticket, struct errmsg *em)
{
    return begin(c, COMM_ALL_GATHER, range, count, dtype, 0, stream, ticket, em);
}

enum status comm_broadcast_begin(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                                 int root, void *stream, struct comm_ticket *ticket,
                                 struct errmsg *em)
{
    return begin(c, COMM_BROADCAST, range, count, dtype, root, stream, ticket, em);
}

enum status comm_do(struct comm *c, enum comm_kind kind, void *range, size_t count,
                    enum comm_dtype dtype, int root, void *stream, struct errmsg *em)
{
    struct comm_ticket ticket = {0};
    BUG_ON(kind == COMM_GATHER);
    enum status st = begin(c, kind, range, count, dtype, root, stream, &ticket, em);
    return st == ST_OK ? comm_wait(c, &ticket, COMM_DEFAULT_DEADLINE, em) : st;
}

enum status comm_wait(struct comm *c, struct comm_ticket *ticket, double deadline_s,
                      struct errmsg *em)
{
    uint64_t sequence = ticket->sequence;
    ticket->sequence = 0;
    if (deadline_s < 0)
        deadline_s = c->options.timeout_s;
    return sequence == 0 ? ST_OK : c->ops->wait(c, sequence, deadline_s, em);
}

enum status comm_finish(struct comm *c, void *stream, struct errmsg *em)
{
    return stream && c->ops->finish ? c->ops->finish(c, stream, em) : ST_OK;
}

void comm_shard(size_t n, int n_shards, int which, size_t *first, size_t *count)
{
    size_t shards = (size_t)n_shards, i = (size_t)which;
    size_t each = n / shards, larger = n % shards; /* the first `larger` shards have one more */
    *first = i * each + MIN(i, larger);
    *count = each + (i < larger);
}

/* Copies the error of the lowest failing rank. all: (world_size) errmsgs. */
static enum status lowest_failure(const struct comm *c, const struct errmsg *all, struct errmsg *em)
{
    for (int r = 0; r < c->place.world_size; r++) {
        if (all[r].code == ST_OK)
            continue;
        if (em) {
            *em = all[r];
            if (em->rank < 0) /* else the ranks have agreed on this failure before */
                em->rank = r;
        }
        return all[r].code;
    }
    return ST_OK;
}

#undef comm_agree /* a macro of scripts/analysis.h */
enum status comm_agree(struct comm *c, enum status local, struct errmsg *em)
{
    struct errmsg mine = {.rank = -1};
    if (local != ST_OK && em && em->code != ST_OK)
        mine = *em;
    mine.code = local;
    uint64_t failed = local != ST_OK;
    enum status st = comm_agree_flags(c, &failed, em);
    if (st != ST_OK || !failed)
        return st;
    struct errmsg *all = calloc((size_t)c->place.world_size, sizeof *all);
    BUG_ON(!all); /* without a few kilobytes the ranks cannot agree on an error */
    st = c->ops->share_bytes(c, &mine, sizeof mine, all, em);
    if (st == ST_OK)
        st = lowest_failure(c, all, em);
    free(all);
    return st;
}

enum status comm_agree_flags(struct comm *c, uint64_t *flags, struct errmsg *em)
{
    uint64_t *all = calloc((size_t)c->place.world_size, sizeof *all);
    if (!all)
        return FAIL(em, ST_MEMORY, "out of memory");
    enum status st = c->ops->share_bytes(c, flags, sizeof *flags, all, em);
    for (int r = 0; r < c->place.world_size && st == ST_OK; r++)
        *flags |= all[r];
    free(all);
    return st;
}

enum status comm_agree_range(struct comm *c, double value, double *min_out, double *max_out,
                             struct errmsg *em)
{
    double *all = calloc((size_t)c->place.world_size, sizeof *all);
    if (!all)
        return FAIL(em, ST_MEMORY, "out of memory");
    enum status st = c->ops->share_bytes(c, &value, sizeof value, all, em);
    if (st == ST_OK) {
        *min_out = *max_out = all[0];
        for (int r = 1; r < c->place.world_size; r++) {
            *min_out = MIN(*min_out, all[r]);
            *max_out = MAX(*max_out, all[r]);
        }
    }
    free(all);
    return st;
}

enum status comm_gather_bytes(struct comm *c, const void *bytes, size_t n, int root, void **all_out,
                              size_t *sizes_out, struct errmsg *em)
{
    size_t total = 0;
    void *all = NULL;
    enum status st = c->ops->share_bytes(c, &n, sizeof n, sizes_out, em);
    if (st != ST_OK)
        return st;
    for (int r = 0; r < c->place.world_size; r++)
        if (!checked_add(total, sizes_out[r], &total) || total > GATHER_BYTES_MAX)
            return FAIL(em, ST_INTERNAL, "ranks gathered more than %d MiB", GATHER_BYTES_MAX >> 20);
    if (c->place.rank == root && !(all = malloc(total + 1)))
        st = FAIL(em, ST_MEMORY, "out of memory gathering %zu bytes", total);
    st = comm_agree(c, st, em);
    if (st == ST_OK)
        st = c->ops->gather(c, bytes, n, root, all, sizes_out, em);
    if (st != ST_OK) {
        free(all);
        return st;
    }
    *all_out = all;
    return ST_OK;
}

enum status comm_barrier(struct comm *c, struct errmsg *em)
{
    uint64_t nothing = 0;
    return comm_agree_flags(c, &nothing, em);
}
