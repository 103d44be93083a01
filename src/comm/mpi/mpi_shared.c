/*
 * The collectives through shared memory on a node, and by MPI between nodes.
 *
 * A range in memory of comm_alloc is used in place ("direct"): for a sum each rank reads its shard
 * from the ranges of all ranks and writes the sum to all. Other ranges, and short ones, go through
 * staging memory piece by piece. With several nodes, the sum of a node, not rounded, is sent in one
 * buffer of the node (the "partial"). Leaders add the partials in the order of nodes.
 *
 * Synchronisation, in every function: memory that other ranks read is written before a barrier, and
 * not written again before the next barrier. The first barrier of a collective (in `enter`) also
 * ends all use of partial and staging memory by the collective before it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "comm_mpi.h"

/* Shorter ranges are staged even in shared memory: this saves a barrier and page faults. */
enum { SHORT_BYTES = 8 << 10 };

struct pass {
    struct mpi *m;
    struct node *node;
    const struct comm_request *r;
    unsigned char *range;
    size_t element, count;
    bool is_short, direct;
    size_t first, n; /* the piece: elements of the range */
};

static size_t overlap(const struct pass *p, size_t first, size_t count, size_t *at)
{
    size_t from = MAX(first, p->first), to = MIN(first + count, p->first + p->n);
    *at = from;
    return from < to ? to - from : 0;
}

/* The address, in shared memory, of element `at` of a local rank's range. */
static unsigned char *seen_at(const struct pass *p, int local_rank, size_t at)
{
    if (p->direct)
        return (unsigned char *)node_at(p->node, local_rank,
                                        node_slot(p->node, local_rank)->offset) +
               at * p->element;
    return (unsigned char *)node_buffer(p->node, local_rank) + (at - p->first) * p->element;
}

/* Copies elements [first, first + count) of this rank's range to staging memory, cut to the piece
 * [p->first, p->first + p->n). */
static void copy_in(const struct pass *p, size_t first, size_t count)
{
    size_t at, n = overlap(p, first, count, &at);
    if (n > 0)
        memcpy(seen_at(p, p->m->layout.local_rank, at), p->range + at * p->element, n * p->element);
}

static void copy_out(const struct pass *p, size_t first, size_t count)
{
    size_t at, n = overlap(p, first, count, &at);
    if (n > 0)
        memcpy(p->range + at * p->element, seen_at(p, p->m->layout.local_rank, at), n * p->element);
}

/* ---- before any data is touched ------------------------------------------------------------- */

/* The state of a node, sent by its leader to the other leaders. */
struct verdict {
    struct comm_call call;
    enum status status;
    char text[512];
};

static enum status agree_on_node(struct pass *p, struct errmsg *em)
{
    int n = p->m->layout.local_size;
    bool same = true;
    p->direct = !p->is_short;
    for (int l = 0; l < n; l++) {
        struct node_slot *s = node_slot(p->node, l);
        same &= comm_call_same(&s->call, &p->r->call);
        p->direct &= s->offset != NODE_NOWHERE;
    }
    if (same)
        return ST_OK;
    struct comm_call *calls = calloc((size_t)n, sizeof *calls);
    if (!calls)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (int l = 0; l < n; l++)
        calls[l] = node_slot(p->node, l)->call;
    enum status st = comm_calls_compare(calls, p->m->layout.my_ranks, n, em);
    free(calls);
    return st;
}

static enum status check_verdicts(const struct comm_layout *layout, const struct verdict *verdicts,
                                  struct comm_call *calls, int *ranks, struct errmsg *em)
{
    int lowest = 0; /* index in ranks_by_node of the node's lowest rank */
    for (int node = 0; node < layout->n_nodes; node++) {
        if (verdicts[node].status != ST_OK)
            return FAIL(em, verdicts[node].status, "%s", verdicts[node].text);
        calls[node] = verdicts[node].call;
        ranks[node] = layout->ranks_by_node[lowest];
        lowest += layout->node_sizes[node];
    }
    return comm_calls_compare(calls, ranks, layout->n_nodes, em);
}

/* For leaders. local: the status on which the node's ranks have agreed. */
static enum status agree_between_nodes(const struct pass *p, enum status local, struct errmsg *em)
{
    size_t n = (size_t)p->m->layout.n_nodes;
    struct verdict mine = {.call = p->r->call, .status = local};
    struct verdict *all = calloc(n, sizeof *all);
    struct comm_call *calls = calloc(n, sizeof *calls);
    int *ranks = calloc(n, sizeof *ranks);
    if (local != ST_OK)
        memcpy(mine.text, em->text, sizeof mine.text - 1);
    *em = (struct errmsg){0};
    enum status st = all && calls && ranks ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = mpi_group_all_gather(&p->m->leaders, &mine, sizeof mine, all, em);
    if (st == ST_OK)
        st = check_verdicts(&p->m->layout, all, calls, ranks, em);
    free(ranks);
    free(calls);
    free(all);
    return st;
}

/* Waits until all ranks have begun the same collective; otherwise all ranks fail. Afterwards short
 * ranges are in staging memory. */
static enum status enter(struct pass *p, struct errmsg *em)
{
    struct node_slot *mine = node_slot(p->node, p->m->layout.local_rank);
    bool several = p->m->layout.n_nodes > 1, leads = p->m->layout.local_rank == 0;
    struct errmsg why = {0};
    mine->call = p->r->call;
    mine->offset = node_offset(p->node, p->range, p->count * p->element);
    atomic_store(&mine->sequence, p->r->call.sequence);
    enum status st = node_barrier(p->node, em);
    if (st != ST_OK)
        return st;
    st = agree_on_node(p, &why);
    if (several && leads)
        st = agree_between_nodes(p, st, &why);
    if (st != ST_OK && (leads || !several))
        return node_break(p->node, &why, em);
    /* slots may be written again only after a barrier, and these collectives have no later one */
    bool without_barrier = p->count == 0 || p->r->call.kind == COMM_GATHER;
    return several || without_barrier ? node_barrier(p->node, em) : ST_OK;
}

/* ---- on one node ---------------------------------------------------------------------------- */

static size_t piece_of(const struct pass *p, bool through_partial)
{
    size_t wide = comm_dtype_bytes(comm_dtype_wide(p->r->call.dtype));
    size_t most = p->direct ? p->count : NODE_BUFFER_BYTES / p->element;
    return through_partial ? MIN(most, NODE_PARTIAL_BYTES / wide) : most;
}

/* Moves to the next piece; false after the last one. The first piece begins at element 0. */
static bool next_piece(struct pass *p, size_t step)
{
    p->first += p->n;
    p->n = MIN(step, p->count - p->first);
    return p->n > 0;
}

/* Adds this node's versions of elements [at, at + n). Writes the sum to each of `out`, or, in the
 * wide type, to *partial. */
static void sum_versions(const struct pass *p, size_t at, size_t n, void **out, int n_out,
                         void *partial)
{
    int ranks = p->m->layout.local_size;
    const struct comm_order order = {.group_sizes = &ranks, .n_groups = 1};
    const void **versions = p->m->versions;
    for (int l = 0; l < ranks; l++)
        versions[l] = seen_at(p, l, at);
    if (partial)
        comm_sum_wide(partial, versions, &order, n, p->r->call.dtype);
    else
        comm_sum(out, n_out, versions, &order, n, p->r->call.dtype);
}

static void my_shard_of_piece(const struct pass *p, size_t *at, size_t *n)
{
    comm_shard(p->n, p->m->layout.local_size, p->m->layout.local_rank, at, n);
    *at += p->first;
}

/* Copies a piece of private memory to staging memory and waits for the other ranks. A short range
 * is there already. */
static enum status share_private(const struct pass *p, size_t first, size_t count,
                                 struct errmsg *em)
{
    if (p->direct || p->is_short)
        return ST_OK;
    copy_in(p, first, count);
    return node_barrier(p->node, em);
}

static enum status all_reduce_here(struct pass *p, struct errmsg *em)
{
    size_t step = piece_of(p, false), at, n;
    enum status st = ST_OK;
    while (st == ST_OK && next_piece(p, step)) {
        st = share_private(p, 0, p->count, em);
        if (st != ST_OK)
            break;
        my_shard_of_piece(p, &at, &n);
        for (int l = 0; l < p->m->layout.local_size; l++)
            p->m->outs[l] = seen_at(p, l, at);
        sum_versions(p, at, n, p->m->outs, p->m->layout.local_size, NULL);
        st = node_barrier(p->node, em);
        if (st == ST_OK && !p->direct)
            copy_out(p, 0, p->count);
    }
    return st;
}

static enum status reduce_scatter_here(struct pass *p, struct errmsg *em)
{
    size_t step = piece_of(p, false), first, count, at;
    enum status st = ST_OK;
    comm_call_segment(&p->r->call, p->m->layout.n_ranks, p->m->layout.rank, &first, &count);
    while (st == ST_OK && next_piece(p, step)) {
        st = share_private(p, 0, p->count, em);
        size_t n = overlap(p, first, count, &at);
        void *out = p->range + at * p->element;
        if (st == ST_OK && n > 0)
            sum_versions(p, at, n, &out, 1, NULL);
        if (st == ST_OK)
            st = node_barrier(p->node, em);
    }
    return st;
}

/* All-gather and broadcast: each rank copies the segments of the others. */
static enum status spread_here(struct pass *p, struct errmsg *em)
{
    int ranks = p->m->layout.n_ranks, me = p->m->layout.rank;
    size_t step = piece_of(p, false), first, count, at;
    enum status st = ST_OK;
    while (st == ST_OK && next_piece(p, step)) {
        comm_call_segment(&p->r->call, ranks, me, &first, &count);
        st = share_private(p, first, count, em);
        for (int r = 0; r < ranks && st == ST_OK; r++) {
            comm_call_segment(&p->r->call, ranks, r, &first, &count);
            size_t n = r == me ? 0 : overlap(p, first, count, &at);
            if (n > 0)
                memcpy(p->range + at * p->element, seen_at(p, r, at), n * p->element);
        }
        if (st == ST_OK)
            st = node_barrier(p->node, em);
    }
    return st;
}

/* ---- over several nodes --------------------------------------------------------------------- */

/* Leaders add the partials of the nodes. */
static enum status sum_partials(struct pass *p, struct errmsg *em)
{
    enum comm_dtype wide = comm_dtype_wide(p->r->call.dtype);
    if (p->m->layout.local_rank != 0)
        return ST_OK;
    void *partial = node_partial(p->node);
    enum status st = mpi_group_sum_shard(&p->m->leaders, partial, p->n, wide, em);
    if (st == ST_OK)
        st = mpi_group_spread_shards(&p->m->leaders, partial, p->n, comm_dtype_bytes(wide), em);
    return st;
}

/* All-reduce and reduce-scatter: they differ in the part of the sum that a rank copies. */
static enum status reduce_over_nodes(struct pass *p, struct errmsg *em)
{
    size_t wide = comm_dtype_bytes(comm_dtype_wide(p->r->call.dtype));
    size_t step = piece_of(p, true), first = 0, count = p->count, at, n;
    unsigned char *partial = node_partial(p->node);
    enum status st = ST_OK;
    if (p->r->call.kind == COMM_REDUCE_SCATTER)
        comm_call_segment(&p->r->call, p->m->layout.n_ranks, p->m->layout.rank, &first, &count);
    while (st == ST_OK && next_piece(p, step)) {
        st = share_private(p, 0, p->count, em);
        if (st == ST_OK && p->direct && p->first > 0)
            st = node_barrier(p->node, em); /* wait until the last piece's partial has been read */
        if (st != ST_OK)
            break;
        my_shard_of_piece(p, &at, &n);
        sum_versions(p, at, n, NULL, 0, partial + (at - p->first) * wide);
        st = node_barrier(p->node, em);
        if (st == ST_OK)
            st = sum_partials(p, em);
        if (st == ST_OK)
            st = node_barrier(p->node, em);
        n = overlap(p, first, count, &at);
        if (st == ST_OK && n > 0)
            comm_narrow(p->range + at * p->element, partial + (at - p->first) * wide, n,
                        p->r->call.dtype);
    }
    return st;
}

/* Leaders send the elements of the piece that their ranks hold, one run for each node. */
static enum status spread_partials(struct pass *p, struct errmsg *em)
{
    const struct comm_layout *layout = &p->m->layout;
    unsigned char *partial = node_partial(p->node);
    enum status st = ST_OK;
    for (int r = 0; r < layout->n_ranks && st == ST_OK;) {
        int node = layout->node_of[r];
        size_t bytes = 0, from = 0;
        for (; r < layout->n_ranks && layout->node_of[r] == node; r++) {
            size_t first, count, at;
            comm_call_segment(&p->r->call, layout->n_ranks, r, &first, &count);
            size_t n = overlap(p, first, count, &at);
            if (n > 0 && bytes == 0)
                from = (at - p->first) * p->element;
            bytes += n * p->element;
        }
        if (bytes > 0)
            st = mpi_group_broadcast(&p->m->leaders, partial + from, bytes, node, em);
    }
    return st;
}

static enum status spread_over_nodes(struct pass *p, struct errmsg *em)
{
    size_t step = NODE_PARTIAL_BYTES / p->element, first, count, at;
    unsigned char *partial = node_partial(p->node);
    enum status st = ST_OK;
    comm_call_segment(&p->r->call, p->m->layout.n_ranks, p->m->layout.rank, &first, &count);
    while (st == ST_OK && next_piece(p, step)) {
        if (p->first > 0)
            st = node_barrier(p->node, em); /* wait until the last piece has been read */
        size_t n = overlap(p, first, count, &at);
        if (st == ST_OK && n > 0)
            memcpy(partial + (at - p->first) * p->element, p->range + at * p->element,
                   n * p->element);
        if (st == ST_OK)
            st = node_barrier(p->node, em);
        if (st == ST_OK && p->m->layout.local_rank == 0)
            st = spread_partials(p, em);
        if (st == ST_OK)
            st = node_barrier(p->node, em);
        if (st == ST_OK)
            memcpy(p->range + p->first * p->element, partial, p->n * p->element);
    }
    return st;
}

static enum status run(struct pass *p, struct errmsg *em)
{
    bool several = p->m->layout.n_nodes > 1;
    switch (p->r->call.kind) {
    case COMM_ALL_REDUCE:
        return several ? reduce_over_nodes(p, em) : all_reduce_here(p, em);
    case COMM_REDUCE_SCATTER:
        return several ? reduce_over_nodes(p, em) : reduce_scatter_here(p, em);
    case COMM_ALL_GATHER:
    case COMM_BROADCAST:
        return several ? spread_over_nodes(p, em) : spread_here(p, em);
    case COMM_GATHER:
        return mpi_group_gather(&p->m->world, p->range, p->r->sizes, p->r->call.root, p->r->all,
                                em);
    }
    return FAIL(em, ST_INTERNAL, "unknown collective");
}

enum status mpi_run_shared(struct mpi *m, const struct comm_request *r, struct errmsg *em)
{
    struct pass p = {.m = m,
                     .node = m->shm,
                     .r = r,
                     .range = r->range,
                     .element = comm_dtype_bytes(r->call.dtype),
                     .count = r->call.count};
    p.is_short = p.count <= SHORT_BYTES / p.element && r->call.kind != COMM_GATHER;
    if (p.is_short) {
        size_t first = 0, count = p.count;
        if (r->call.kind == COMM_ALL_GATHER || r->call.kind == COMM_BROADCAST)
            comm_call_segment(&r->call, m->layout.n_ranks, m->layout.rank, &first, &count);
        p.n = p.count; /* for copy_in, as one piece; next_piece begins at 0 again */
        copy_in(&p, first, count);
        p.n = 0;
    }
    enum status st = enter(&p, em);
    if (st == ST_OK)
        st = run(&p, em);
    if (st == ST_OK)
        return ST_OK;
    struct errmsg why = {0};
    FAIL(&why, st, "%s", em->text);
    return node_break(m->shm, &why, NULL); /* MPI failed at the leader, say: wake the other ranks */
}
