/* The collectives by MPI only, for nodes without shared memory. */
#include <stdlib.h>

#include "base/checked.h"
#include "comm_mpi.h"

/* Compares the calls of all ranks (comm_calls_compare) before any data is touched. */
static enum status compare(struct mpi *m, const struct comm_call *mine, struct errmsg *em)
{
    int n = m->layout.n_ranks;
    struct comm_call *calls = calloc((size_t)n, sizeof *calls);
    int *ranks = calloc((size_t)n, sizeof *ranks);
    enum status st = calls && ranks ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = mpi_group_all_gather(&m->world, mine, sizeof *mine, calls, em);
    for (int r = 0; r < n && st == ST_OK; r++)
        ranks[r] = r;
    if (st == ST_OK)
        st = comm_calls_compare(calls, ranks, n, em);
    free(ranks);
    free(calls);
    return st;
}

static enum status all_reduce(struct mpi *m, const struct comm_request *r, struct errmsg *em)
{
    size_t element = comm_dtype_bytes(r->call.dtype), step = GROUP_PIECE_BYTES / element;
    enum status st = ST_OK;
    for (size_t done = 0; done < r->call.count && st == ST_OK; done += step) {
        unsigned char *piece = (unsigned char *)r->range + done * element;
        size_t n = MIN(step, r->call.count - done);
        st = mpi_group_sum_shard(&m->world, piece, n, r->call.dtype, em);
        if (st == ST_OK)
            st = mpi_group_spread_shards(&m->world, piece, n, element, em);
    }
    return st;
}

/* Sums each rank's shard to that rank: one shard after another, each in pieces. */
static enum status reduce_scatter(struct mpi *m, const struct comm_request *r, struct errmsg *em)
{
    int ranks = m->layout.n_ranks;
    size_t element = comm_dtype_bytes(r->call.dtype);
    size_t step = GROUP_PIECE_BYTES / element / (size_t)ranks;
    enum status st = ST_OK;
    for (int owner = 0; owner < ranks && st == ST_OK; owner++) {
        size_t first, n;
        comm_call_segment(&r->call, ranks, owner, &first, &n);
        for (size_t done = 0; done < n && st == ST_OK; done += step) {
            unsigned char *at = (unsigned char *)r->range + (first + done) * element;
            st = mpi_group_sum_to(&m->world, at, MIN(step, n - done), r->call.dtype, owner, em);
        }
    }
    return st;
}

/* All-gather and broadcast: each owner sends its segment of the range to all ranks. */
static enum status broadcast_segments(struct mpi *m, const struct comm_request *r,
                                      struct errmsg *em)
{
    size_t element = comm_dtype_bytes(r->call.dtype);
    enum status st = ST_OK;
    if (r->call.kind == COMM_ALL_GATHER && r->call.count <= GROUP_PIECE_BYTES / element)
        return mpi_group_spread_shards(&m->world, r->range, r->call.count, element, em);
    for (int owner = 0; owner < m->layout.n_ranks && st == ST_OK; owner++) {
        size_t first, n;
        comm_call_segment(&r->call, m->layout.n_ranks, owner, &first, &n);
        st = mpi_group_broadcast(&m->world, (unsigned char *)r->range + first * element,
                                 n * element, owner, em);
    }
    return st;
}

enum status mpi_run_plain(struct mpi *m, const struct comm_request *r, struct errmsg *em)
{
    enum status st = compare(m, &r->call, em);
    if (st != ST_OK)
        return st;
    switch (r->call.kind) {
    case COMM_ALL_REDUCE:
        return all_reduce(m, r, em);
    case COMM_REDUCE_SCATTER:
        return reduce_scatter(m, r, em);
    case COMM_ALL_GATHER:
    case COMM_BROADCAST:
        return broadcast_segments(m, r, em);
    case COMM_GATHER:
        return mpi_group_gather(&m->world, r->range, r->sizes, r->call.root, r->all, em);
    }
    return FAIL(em, ST_INTERNAL, "unknown collective");
}
