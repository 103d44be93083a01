/*
 * The MPI backend: blocking collectives on host memory.
 *
 * A sum is taken piece by piece. Of each piece every rank owns a shard: it receives the others'
 * versions of it, adds them in rank order, and sends the sum to all. That moves 2 (n - 1) / n of
 * the bytes a rank, as a ring does, but the order of additions at an element is 0, 1, …, n - 1
 * wherever pieces and shards begin. MPI_Allreduce promises no such thing.
 */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "comm_priv.h"

enum { PIECE_BYTES = 4 << 20 };

struct mpi {
    MPI_Comm world, node;
    bool started_here;
    int *counts, *offsets;  /* (2 * world_size): what goes out, what comes in */
    unsigned char *scratch; /* PIECE_BYTES, and room for rounding shards up */
    size_t scratch_bytes;
};

static struct mpi *mpi_of(struct comm *c)
{
    return c->backend;
}

static enum status fail_mpi(int code, const char *what, struct errmsg *em)
{
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int n;
    MPI_Error_string(code, text, &n);
    /* `what` is the whole call: its name is enough */
    return FAIL(em, ST_PEER, "%.*s failed: %s", (int)strcspn(what, "("), what, text);
}

#define TRY_MPI(call, em)                      \
    do {                                       \
        int code_ = (call);                    \
        if (code_ != MPI_SUCCESS)              \
            st = fail_mpi(code_, #call, (em)); \
    } while (0)

/* Shards of a piece as MPI wants them: bytes, ints. A piece is small enough for them. */
static void shard_bytes(const struct comm *c, size_t count, size_t element, int *counts,
                        int *offsets)
{
    for (int r = 0; r < c->place.world_size; r++) {
        size_t first, n;
        comm_shard(count, c->place.world_size, r, &first, &n);
        counts[r] = (int)(n * element);
        offsets[r] = (int)(first * element);
    }
}

static uint16_t bf16_round(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x40); /* a NaN stays one */
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}

/* Adds n bf16 versions of a shard in rank order in fp32 and rounds once. */
static void sum_bf16(uint16_t *sum, const uint16_t *versions, size_t count, int n_versions)
{
    for (size_t i = 0; i < count; i++) {
        float total = 0;
        for (int v = 0; v < n_versions; v++) {
            uint32_t u = (uint32_t)versions[(size_t)v * count + i] << 16;
            float x;
            memcpy(&x, &u, sizeof x);
            total = v == 0 ? x : total + x;
        }
        sum[i] = bf16_round(total);
    }
}

/* The sum of this rank's shard of a piece, written in its place within the piece. */
static enum status reduce_piece(struct comm *c, unsigned char *piece, size_t count,
                                enum comm_dtype dtype, struct errmsg *em)
{
    struct mpi *m = mpi_of(c);
    int ranks = c->place.world_size, me = c->place.rank;
    size_t element = comm_dtype_bytes(dtype), first, mine;
    int *out = m->counts, *out_at = m->offsets, *in = out + ranks, *in_at = out_at + ranks;
    enum status st = ST_OK;
    comm_shard(count, ranks, me, &first, &mine);
    shard_bytes(c, count, element, out, out_at);
    for (int r = 0; r < ranks; r++) {
        in[r] = (int)(mine * element);
        in_at[r] = (int)(mine * element) * r;
    }
    TRY_MPI(MPI_Alltoallv(piece, out, out_at, MPI_BYTE, m->scratch, in, in_at, MPI_BYTE, m->world),
            em);
    if (st != ST_OK || mine == 0)
        return st;
    unsigned char *sum = piece + first * element;
    if (dtype == COMM_BF16) {
        sum_bf16((uint16_t *)(void *)sum, (const uint16_t *)(const void *)m->scratch, mine, ranks);
        return ST_OK;
    }
    memcpy(sum, m->scratch, mine * element);
    for (int r = 1; r < ranks; r++)
        comm_add(sum, m->scratch + (size_t)r * mine * element, mine, dtype);
    return ST_OK;
}

static enum status gather_piece(struct comm *c, unsigned char *piece, size_t count, size_t element,
                                struct errmsg *em)
{
    struct mpi *m = mpi_of(c);
    enum status st = ST_OK;
    shard_bytes(c, count, element, m->counts, m->offsets);
    TRY_MPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_BYTE, piece, m->counts, m->offsets, MPI_BYTE,
                           m->world),
            em);
    return st;
}

static enum status all_reduce(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                              void *stream, struct errmsg *em)
{
    (void)stream;
    size_t element = comm_dtype_bytes(dtype), step = PIECE_BYTES / element;
    enum status st = ST_OK;
    for (size_t done = 0; done < count && st == ST_OK; done += step) {
        unsigned char *piece = (unsigned char *)range + done * element;
        size_t n = MIN(step, count - done);
        st = reduce_piece(c, piece, n, dtype, em);
        if (st == ST_OK)
            st = gather_piece(c, piece, n, element, em);
    }
    return st;
}

/* Shards of the whole range, not of its pieces: rank by rank, each shard in pieces. */
static enum status reduce_scatter(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                                  void *stream, struct errmsg *em)
{
    (void)stream;
    struct mpi *m = mpi_of(c);
    int ranks = c->place.world_size;
    size_t element = comm_dtype_bytes(dtype), step = PIECE_BYTES / element / (size_t)ranks;
    enum status st = ST_OK;
    for (int owner = 0; owner < ranks && st == ST_OK; owner++) {
        size_t first, n;
        comm_shard(count, ranks, owner, &first, &n);
        for (size_t done = 0; done < n && st == ST_OK; done += step) {
            size_t now = MIN(step, n - done);
            unsigned char *at = (unsigned char *)range + (first + done) * element;
            TRY_MPI(MPI_Gather(at, (int)(now * element), MPI_BYTE, m->scratch, (int)(now * element),
                               MPI_BYTE, owner, m->world),
                    em);
            if (st != ST_OK || owner != c->place.rank)
                continue;
            if (dtype == COMM_BF16) {
                sum_bf16((uint16_t *)(void *)at, (const uint16_t *)(const void *)m->scratch, now,
                         ranks);
                continue;
            }
            memcpy(at, m->scratch, now * element);
            for (int r = 1; r < ranks; r++)
                comm_add(at, m->scratch + (size_t)r * now * element, now, dtype);
        }
    }
    return st;
}

static enum status broadcast(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                             int root, void *stream, struct errmsg *em)
{
    (void)stream;
    size_t bytes = count * comm_dtype_bytes(dtype);
    enum status st = ST_OK;
    for (size_t done = 0; done < bytes && st == ST_OK; done += PIECE_BYTES) {
        int n = (int)MIN((size_t)PIECE_BYTES, bytes - done);
        TRY_MPI(MPI_Bcast((unsigned char *)range + done, n, MPI_BYTE, root, mpi_of(c)->world), em);
    }
    return st;
}

static enum status all_gather(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                              void *stream, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int owner = 0; owner < c->place.world_size && st == ST_OK; owner++) {
        size_t first, n;
        comm_shard(count, c->place.world_size, owner, &first, &n);
        st = broadcast(c, (unsigned char *)range + first * comm_dtype_bytes(dtype), n, dtype, owner,
                       stream, em);
    }
    return st;
}

static enum status wait(struct comm *c, uint64_t sequence, double deadline_s, struct errmsg *em)
{
    (void)c, (void)sequence, (void)deadline_s, (void)em; /* begin has done it all */
    return ST_OK;
}

static enum status share_bytes(struct comm *c, const void *mine, size_t n, void *all,
                               struct errmsg *em)
{
    enum status st = ST_OK;
    TRY_MPI(MPI_Allgather(mine, (int)n, MPI_BYTE, all, (int)n, MPI_BYTE, mpi_of(c)->world), em);
    return st;
}

static enum status gather(struct comm *c, const void *mine, size_t n, int root, void *all,
                          const size_t *sizes, struct errmsg *em)
{
    struct mpi *m = mpi_of(c);
    int offset = 0;
    enum status st = ST_OK;
    for (int r = 0; r < c->place.world_size; r++) {
        m->counts[r] = (int)sizes[r];
        m->offsets[r] = offset;
        offset += (int)sizes[r];
    }
    TRY_MPI(MPI_Gatherv(mine, (int)n, MPI_BYTE, all, m->counts, m->offsets, MPI_BYTE, root,
                        m->world),
            em);
    return st;
}

static void abort_job(struct comm *c, int exit_code)
{
    MPI_Abort(mpi_of(c)->world, exit_code);
}

static void release(struct mpi *m)
{
    if (!m)
        return;
    if (m->node != MPI_COMM_NULL)
        MPI_Comm_free(&m->node);
    if (m->world != MPI_COMM_NULL)
        MPI_Comm_free(&m->world);
    if (m->started_here)
        MPI_Finalize();
    free(m->counts);
    free(m->offsets);
    free(m->scratch);
    free(m);
}

static void close_mpi(struct comm *c)
{
    release(mpi_of(c));
}

static enum status find_place(struct mpi *m, struct comm_place *p, struct errmsg *em)
{
    enum status st = ST_OK;
    int n, leads, nodes = 0;
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    TRY_MPI(MPI_Comm_rank(m->world, &p->rank), em);
    TRY_MPI(MPI_Comm_size(m->world, &p->world_size), em);
    TRY_MPI(MPI_Comm_split_type(m->world, MPI_COMM_TYPE_SHARED, p->rank, MPI_INFO_NULL, &m->node),
            em);
    if (st != ST_OK)
        return st;
    TRY_MPI(MPI_Comm_rank(m->node, &p->local_rank), em);
    TRY_MPI(MPI_Comm_size(m->node, &p->local_size), em);
    TRY_MPI(MPI_Get_processor_name(host, &n), em);
    leads = p->local_rank == 0;
    TRY_MPI(MPI_Allreduce(&leads, &nodes, 1, MPI_INT, MPI_SUM, m->world), em);
    p->node_count = nodes;
    memcpy(p->host, host, MIN(sizeof p->host - 1, sizeof host - 1));
    return st;
}

/* Scratch holds the versions of a shard from all ranks: a piece, and rounding up of each shard. */
static enum status allocate(struct mpi *m, int ranks, struct errmsg *em)
{
    m->scratch_bytes = PIECE_BYTES + (size_t)ranks * 16;
    m->counts = calloc(2 * (size_t)ranks, sizeof *m->counts);
    m->offsets = calloc(2 * (size_t)ranks, sizeof *m->offsets);
    m->scratch = malloc(m->scratch_bytes);
    return m->counts && m->offsets && m->scratch ? ST_OK
                                                 : FAIL(em, ST_MEMORY, "out of memory for MPI");
}

enum status comm_mpi_open(struct comm *c, struct errmsg *em)
{
    static const struct comm_ops ops = {
        .name = "mpi",
        .all_reduce = all_reduce,
        .reduce_scatter = reduce_scatter,
        .all_gather = all_gather,
        .broadcast = broadcast,
        .wait = wait,
        .share_bytes = share_bytes,
        .gather = gather,
        .abort = abort_job,
        .close = close_mpi,
    };
    int already = 0, given;
    enum status st = ST_OK;
    struct mpi *m = calloc(1, sizeof *m);
    if (!m)
        return FAIL(em, ST_MEMORY, "out of memory for MPI");
    m->world = m->node = MPI_COMM_NULL;
    TRY_MPI(MPI_Initialized(&already), em);
    if (st == ST_OK && !already) {
        TRY_MPI(MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &given), em);
        m->started_here = st == ST_OK;
    }
    if (st == ST_OK)
        TRY_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), em);
    if (st == ST_OK)
        TRY_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &m->world), em);
    if (st == ST_OK)
        st = find_place(m, &c->place, em);
    if (st == ST_OK)
        st = allocate(m, c->place.world_size, em);
    if (st != ST_OK) {
        release(m);
        return st;
    }
    c->ops = &ops;
    c->backend = m;
    return ST_OK;
}

const char *comm_library_version(void)
{
    static char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int n;
    if (MPI_Get_library_version(version, &n) != MPI_SUCCESS)
        return "unknown MPI";
    version[strcspn(version, ",\n")] = '\0'; /* "Open MPI v4.1.4, package: …" */
    return version;
}
