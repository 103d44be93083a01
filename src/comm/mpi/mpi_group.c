#include "mpi_group.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/clock.h"

enum status mpi_fail(int code, const char *what, struct errmsg *em)
{
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int n;
    MPI_Error_string(code, text, &n);
    return FAIL(em, ST_PEER, "%s failed: %s", what, text);
}

enum status mpi_group_init(struct mpi_group *g, struct errmsg *em)
{
    size_t n = (size_t)g->n;
    g->counts = calloc(2 * n, sizeof *g->counts);
    g->offsets = calloc(2 * n, sizeof *g->offsets);
    g->versions = calloc(n, sizeof *g->versions);
    /* all versions of a shard: a piece, and one element for each rank by rounding up */
    g->scratch = malloc(GROUP_PIECE_BYTES + n * sizeof(double));
    if (g->counts && g->offsets && g->versions && g->scratch)
        return ST_OK;
    return FAIL(em, ST_MEMORY, "out of memory for MPI");
}

void mpi_group_release(struct mpi_group *g)
{
    free(g->counts);
    free(g->offsets);
    free(g->versions);
    free(g->scratch);
}

/* The pauses between polls of an operation. */
struct patience {
    unsigned asked, slept;
    double yields_until_s;
};

/*
 * Pauses are short at first, and later still much shorter than a step. The yields end after a time,
 * not after a number: with other threads on the core one yield takes as long as all their turns.
 */
static void pause_again(struct patience *p)
{
    enum { EAGER = 64, US_MIN = 20, US_MAX = 200 };
    static const double yielding_s = 150e-6;
    if (++p->asked < EAGER)
        return;
    double now_s = clock_seconds();
    if (p->asked == EAGER)
        p->yields_until_s = now_s + yielding_s;
    if (now_s < p->yields_until_s) {
        sched_yield();
        return;
    }
    unsigned us = MIN(US_MIN + p->slept / 4, (unsigned)US_MAX);
    p->slept++;
    nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

/* Waits for an operation; `code` is what MPI returned when it was begun. */
static enum status finish(const struct mpi_group *g, int code, MPI_Request *request,
                          const char *what, struct errmsg *em)
{
    int done = 0;
    struct patience patience = {0};
    while (code == MPI_SUCCESS && !done) {
        code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (done || code != MPI_SUCCESS)
            break;
        if (g->node && node_check(g->node, em) != ST_OK)
            return node_check(g->node, em);
        if (atomic_load(g->given_up))
            return FAIL(em, ST_PEER, "%s was given up: a rank did not answer in time", what);
        pause_again(&patience);
    }
    return code == MPI_SUCCESS ? ST_OK : mpi_fail(code, what, em);
}

/* Fills in the shards of a piece for MPI, in bytes as int. A piece is small enough for int. */
static void shard_bytes(const struct mpi_group *g, size_t count, size_t element)
{
    for (int r = 0; r < g->n; r++) {
        size_t first, n;
        comm_shard(count, g->n, r, &first, &n);
        g->counts[r] = (int)(n * element);
        g->offsets[r] = (int)(first * element);
    }
}

/* Adds the versions in scratch, which has `count` elements of each rank in turn. */
static void sum_scratch(struct mpi_group *g, void *sum, size_t count, enum comm_dtype dtype)
{
    size_t bytes = count * comm_dtype_bytes(dtype);
    for (int i = 0; i < g->n; i++)
        g->versions[i] = g->scratch + (size_t)g->ranks[i] * bytes;
    comm_sum(&sum, 1, g->versions, &g->order, count, dtype);
}

enum status mpi_group_sum_shard(struct mpi_group *g, void *piece, size_t count,
                                enum comm_dtype dtype, struct errmsg *em)
{
    size_t element = comm_dtype_bytes(dtype), first, mine;
    int *in = g->counts + g->n, *in_at = g->offsets + g->n;
    MPI_Request request;
    comm_shard(count, g->n, g->me, &first, &mine);
    shard_bytes(g, count, element);
    for (int r = 0; r < g->n; r++) {
        in[r] = (int)(mine * element);
        in_at[r] = (int)(mine * element) * r;
    }
    int code = MPI_Ialltoallv(piece, g->counts, g->offsets, MPI_BYTE, g->scratch, in, in_at,
                              MPI_BYTE, g->comm, &request);
    enum status st = finish(g, code, &request, "MPI_Ialltoallv", em);
    if (st == ST_OK)
        sum_scratch(g, (unsigned char *)piece + first * element, mine, dtype);
    return st;
}

enum status mpi_group_spread_shards(struct mpi_group *g, void *piece, size_t count, size_t element,
                                    struct errmsg *em)
{
    MPI_Request request;
    shard_bytes(g, count, element);
    int code = MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_BYTE, piece, g->counts, g->offsets, MPI_BYTE,
                               g->comm, &request);
    return finish(g, code, &request, "MPI_Iallgatherv", em);
}

enum status mpi_group_sum_to(struct mpi_group *g, void *piece, size_t count, enum comm_dtype dtype,
                             int root, struct errmsg *em)
{
    MPI_Request request;
    int bytes = (int)(count * comm_dtype_bytes(dtype));
    int code =
        MPI_Igather(piece, bytes, MPI_BYTE, g->scratch, bytes, MPI_BYTE, root, g->comm, &request);
    enum status st = finish(g, code, &request, "MPI_Igather", em);
    if (st == ST_OK && root == g->me)
        sum_scratch(g, piece, count, dtype);
    return st;
}

enum status mpi_group_broadcast(struct mpi_group *g, void *range, size_t bytes, int root,
                                struct errmsg *em)
{
    enum status st = ST_OK;
    for (size_t done = 0; done < bytes && st == ST_OK; done += GROUP_PIECE_BYTES) {
        MPI_Request request;
        int n = (int)MIN((size_t)GROUP_PIECE_BYTES, bytes - done);
        int code = MPI_Ibcast((unsigned char *)range + done, n, MPI_BYTE, root, g->comm, &request);
        st = finish(g, code, &request, "MPI_Ibcast", em);
    }
    return st;
}

enum status mpi_group_all_gather(struct mpi_group *g, const void *mine, size_t bytes, void *all,
                                 struct errmsg *em)
{
    MPI_Request request;
    int n = (int)bytes;
    int code = MPI_Iallgather(mine, n, MPI_BYTE, all, n, MPI_BYTE, g->comm, &request);
    return finish(g, code, &request, "MPI_Iallgather", em);
}

enum status mpi_group_gather(struct mpi_group *g, const void *mine, const size_t *sizes, int root,
                             void *all, struct errmsg *em)
{
    MPI_Request request;
    int offset = 0;
    for (int r = 0; r < g->n; r++) {
        g->counts[r] = (int)sizes[r];
        g->offsets[r] = offset;
        offset += (int)sizes[r];
    }
    int code = MPI_Igatherv(mine, (int)sizes[g->me], MPI_BYTE, all, g->counts, g->offsets, MPI_BYTE,
                            root, g->comm, &request);
    return finish(g, code, &request, "MPI_Igatherv", em);
}
