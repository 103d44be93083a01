/*
 * The MPI backend. The calling thread opens MPI. Then the communication thread makes every MPI
 * call, because Open MPI sends data only while a thread is inside it. The caller's thread queues
 * requests and waits for them. It ends MPI after the communication thread has ended.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "comm_mpi.h"

enum { LET_GO_S = 5 };

static struct mpi *mpi_of(struct comm *c)
{
    return c->backend;
}

#define TRY_MPI(call, name)                     \
    do {                                        \
        int code_ = (call);                     \
        if (code_ != MPI_SUCCESS)               \
            return mpi_fail(code_, (name), em); \
    } while (0)

/* ---- collectives ---------------------------------------------------------------------------- */

static enum status run(void *context, const struct comm_request *r, struct errmsg *em)
{
    struct mpi *m = context;
    atomic_store(&m->progress->doing, r->call.sequence);
    return m->shm ? mpi_run_shared(m, r, em) : mpi_run_plain(m, r, em);
}

/* If the queue is full, the caller waits: for other ranks, so the watchdog must know. */
static void push(struct comm *c, const struct comm_request *r)
{
    comm_progress_wait(&c->progress, r->call.sequence);
    comm_thread_push(mpi_of(c)->thread, r);
    comm_progress_go_on(&c->progress);
}

static enum status begin(struct comm *c, const struct comm_call *call, void *range, void *stream,
                         struct errmsg *em)
{
    (void)stream, (void)em;
    push(c, &(struct comm_request){.call = *call, .range = range});
    return ST_OK;
}

/* A deadline is over: ends all waiting on this node and names the missing ranks. Waits up to
 * LET_GO_S for the communication thread to leave the caller's memory; later calls do not wait
 * again. */
static enum status give_up(struct mpi *m, uint64_t sequence, double deadline_s, struct errmsg *em)
{
    char missing[512] = "";
    struct errmsg why = {0};
    if (m->shm)
        node_missing(m->shm, missing, sizeof missing);
    FAIL(&why, ST_PEER, "collective %llu was not done within %.6g s%s%s",
         (unsigned long long)sequence, deadline_s, missing[0] ? "; missing: " : "", missing);
    atomic_store(&m->given_up, true);
    enum status outcome,
        st = m->shm ? node_break(m->shm, &why, em) : FAIL(em, ST_PEER, "%s", why.text);
    if (!m->stuck)
        m->stuck = comm_thread_wait(m->thread, sequence, LET_GO_S, &outcome, NULL) != ST_OK;
    return st;
}

static enum status wait(struct comm *c, uint64_t sequence, double deadline_s, struct errmsg *em)
{
    struct mpi *m = mpi_of(c);
    enum status outcome;
    if (atomic_load(&m->given_up))
        deadline_s = 0;
    comm_progress_wait(&c->progress, sequence);
    enum status done = comm_thread_wait(m->thread, sequence, deadline_s, &outcome, em);
    comm_progress_go_on(&c->progress);
    return done == ST_OK ? outcome : give_up(m, sequence, deadline_s, em);
}

/* Begins a collective without a ticket and waits for it. */
static enum status carry_out(struct comm *c, struct comm_request *r, struct errmsg *em)
{
    r->call.sequence = ++c->sequence;
    comm_progress_begin(&c->progress, &r->call);
    push(c, r);
    return wait(c, c->sequence, c->options.timeout_s, em);
}

static enum status share_bytes(struct comm *c, const void *mine, size_t n, void *all,
                               struct errmsg *em)
{
    size_t ranks = (size_t)c->place.world_size;
    struct comm_request r = {
        .call = {.count = n * ranks, .kind = COMM_ALL_GATHER, .dtype = COMM_U8},
        .range = all,
    };
    memcpy((unsigned char *)all + n * (size_t)c->place.rank, mine, n);
    return carry_out(c, &r, em);
}

static enum status gather(struct comm *c, const void *mine, size_t n, int root, void *all,
                          const size_t *sizes, struct errmsg *em)
{
    (void)n; /* the same as sizes[rank] */
    struct comm_request r = {
        .call = {.kind = COMM_GATHER, .dtype = COMM_U8, .root = root},
        .range = (void *)(uintptr_t)mine, /* only read */
        .all = all,
        .sizes = sizes,
    };
    for (int i = 0; i < c->place.world_size; i++)
        r.call.count += sizes[i];
    return carry_out(c, &r, em);
}

static enum status alloc(struct comm *c, size_t bytes, void **out, struct errmsg *em)
{
    (void)em;
    struct node *shm = mpi_of(c)->shm;
    *out = shm ? node_alloc(shm, bytes) : NULL;
    if (shm && !*out && bytes <= PTRDIFF_MAX && node_says(shm))
        log_warn("host %s: /dev/shm has no room for %zu MiB of flat state: private memory is used; "
                 "sums are slower, not different. Enlarge /dev/shm (docker: --shm-size)",
                 c->place.host, bytes >> 20);
    return ST_OK;
}

static bool release_memory(struct comm *c, void *memory)
{
    struct node *shm = mpi_of(c)->shm;
    return shm && node_release(shm, memory);
}

/* ---- opening and closing -------------------------------------------------------------------- */

static void abort_job(struct comm *c, int exit_code)
{
    MPI_Abort(mpi_of(c)->world_comm, exit_code);
}

static void free_comm(MPI_Comm *comm)
{
    if (*comm != MPI_COMM_NULL)
        MPI_Comm_free(comm);
}

static void release(struct mpi *m)
{
    node_free(m->shm);
    mpi_group_release(&m->leaders);
    mpi_group_release(&m->world);
    comm_layout_release(&m->layout);
    free_comm(&m->leaders_comm);
    free_comm(&m->node_comm);
    free_comm(&m->world_comm);
    if (m->started_here)
        MPI_Finalize();
    free(m->leader_order);
    free(m->versions);
    free(m->outs);
    free(m);
}

/* After a failure other ranks may be gone: MPI_Finalize would wait for them for ever. Operations
 * may still use their memory, so it is not freed. */
static void close_mpi(struct comm *c)
{
    struct mpi *m = mpi_of(c);
    bool failed = comm_thread_failed(m->thread) || atomic_load(&m->given_up);
    comm_thread_free(m->thread, failed);
    if (!failed)
        release(m);
}

static enum status start_mpi(struct mpi *m, struct errmsg *em)
{
    int already = 0, given;
    TRY_MPI(MPI_Initialized(&already), "MPI_Initialized");
    if (!already) {
        TRY_MPI(MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &given), "MPI_Init_thread");
        m->started_here = true;
    }
    TRY_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    TRY_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &m->world_comm), "MPI_Comm_dup");
    TRY_MPI(MPI_Query_thread(&given), "MPI_Query_thread");
    if (given < MPI_THREAD_SERIALIZED)
        return FAIL(em, ST_NODEVICE, "this MPI (%s) cannot be called from another thread",
                    comm_library_version());
    return ST_OK;
}

/*
 * COLLECTIVE. As comm_agree, by MPI alone: a rank that left the opening on its own would wait in
 * MPI_Finalize for ranks that wait for it.
 */
static enum status agree(const struct mpi *m, enum status local, struct errmsg *em)
{
    struct errmsg why = {0};
    struct {
        int failed, rank;
    } mine = {.failed = local != ST_OK}, worst;
    TRY_MPI(MPI_Comm_rank(m->world_comm, &mine.rank), "MPI_Comm_rank");
    TRY_MPI(MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MAXLOC, m->world_comm), "MPI_Allreduce");
    if (!worst.failed)
        return ST_OK;
    if (local != ST_OK && em)
        why = *em;
    why.code = local;
    why.rank = worst.rank;
    TRY_MPI(MPI_Bcast(&why, (int)sizeof why, MPI_BYTE, worst.rank, m->world_comm), "MPI_Bcast");
    if (em)
        *em = why;
    return why.code;
}

/* Finds the nodes of the world. */
static enum status find_layout(struct mpi *m, int ranks_per_node, struct errmsg *em)
{
    int rank, n, lowest;
    TRY_MPI(MPI_Comm_rank(m->world_comm, &rank), "MPI_Comm_rank");
    TRY_MPI(MPI_Comm_size(m->world_comm, &n), "MPI_Comm_size");
    if (ranks_per_node > 0)
        TRY_MPI(MPI_Comm_split(m->world_comm, rank / ranks_per_node, rank, &m->node_comm),
                "MPI_Comm_split");
    else
        TRY_MPI(MPI_Comm_split_type(m->world_comm, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL,
                                    &m->node_comm),
                "MPI_Comm_split_type");
    TRY_MPI(MPI_Allreduce(&rank, &lowest, 1, MPI_INT, MPI_MIN, m->node_comm), "MPI_Allreduce");
    int *lowest_of = calloc((size_t)n, sizeof *lowest_of);
    enum status st = agree(m, lowest_of ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    int code = MPI_SUCCESS;
    if (st == ST_OK)
        code = MPI_Allgather(&lowest, 1, MPI_INT, lowest_of, 1, MPI_INT, m->world_comm);
    if (code != MPI_SUCCESS)
        st = mpi_fail(code, "MPI_Allgather", em);
    else if (st == ST_OK)
        st = agree(m, comm_layout_init(&m->layout, lowest_of, n, rank, em), em);
    free(lowest_of);
    if (st != ST_OK)
        return st;
    int colour = m->layout.local_rank == 0 ? 0 : MPI_UNDEFINED;
    TRY_MPI(MPI_Comm_split(m->world_comm, colour, rank, &m->leaders_comm), "MPI_Comm_split");
    return ST_OK;
}

static enum status open_groups(struct mpi *m, struct errmsg *em)
{
    const struct comm_layout *l = &m->layout;
    m->versions = calloc((size_t)l->local_size, sizeof *m->versions);
    m->outs = calloc((size_t)l->local_size, sizeof *m->outs);
    m->leader_order = calloc((size_t)l->n_nodes, sizeof *m->leader_order);
    if (!m->versions || !m->outs || !m->leader_order)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (int i = 0; i < l->n_nodes; i++)
        m->leader_order[i] = i;
    m->world = (struct mpi_group){
        .comm = m->world_comm,
        .n = l->n_ranks,
        .me = l->rank,
        .ranks = l->ranks_by_node,
        .order = {.group_sizes = l->node_sizes, .n_groups = l->n_nodes},
        .given_up = &m->given_up,
    };
    enum status st = mpi_group_init(&m->world, em);
    if (st != ST_OK || l->n_nodes == 1 || l->local_rank != 0)
        return st;
    m->leaders = (struct mpi_group){
        .comm = m->leaders_comm,
        .n = l->n_nodes,
        .me = l->node,
        .ranks = m->leader_order,
        .order = {.group_sizes = &l->n_nodes, .n_groups = 1},
        .given_up = &m->given_up,
    };
    return mpi_group_init(&m->leaders, em);
}

/* Maps the shared memory of the node's ranks. Returns the status of this rank only. */
static enum status attach(struct mpi *m, const struct node_limits *limits, struct errmsg *em)
{
    const struct comm_layout *l = &m->layout;
    char mine[NODE_NAME_BYTES] = "";
    char *names = calloc((size_t)l->local_size, NODE_NAME_BYTES);
    enum status st = node_new(l->local_rank, l->local_size, limits, &m->shm, em);
    if (st == ST_OK)
        memcpy(mine, node_name(m->shm), sizeof mine);
    if (st == ST_OK && !names)
        st = FAIL(em, ST_MEMORY, "out of memory");
    int code = MPI_Allgather(mine, NODE_NAME_BYTES, MPI_BYTE, names, NODE_NAME_BYTES, MPI_BYTE,
                             m->node_comm);
    if (st == ST_OK && code != MPI_SUCCESS)
        st = mpi_fail(code, "MPI_Allgather", em);
    if (st == ST_OK)
        st = node_attach(m->shm, names, em);
    free(names);
    return st;
}

/* Opens shared memory on all nodes, or on none if one fails: all ranks must sum in the same way. */
static enum status open_nodes(struct mpi *m, const struct comm_options *o, struct errmsg *em)
{
    struct node_limits limits = {o->shm_bytes_max, m->layout.n_nodes > 1};
    struct errmsg why = {0};
    if (m->layout.local_rank == 0)
        shared_file_sweep();
    enum status fits = agree(m, attach(m, &limits, &why), &why);
    if (fits == ST_PEER)
        return FAIL(em, ST_PEER, "%s", why.text);
    if (fits != ST_OK) {
        node_free(m->shm);
        m->shm = NULL;
        if (m->layout.rank == 0)
            log_warn("no shared memory between ranks (rank %d: %s): sums go through MPI; they are "
                     "slower, not different",
                     why.rank, why.text);
        return ST_OK;
    }
    node_slot(m->shm, m->layout.local_rank)->rank = m->layout.rank;
    m->world.node = m->leaders.node = m->shm;
    TRY_MPI(MPI_Barrier(m->world_comm), "MPI_Barrier");
    node_settle(m->shm);
    TRY_MPI(MPI_Barrier(m->world_comm), "MPI_Barrier");
    return ST_OK;
}

static enum status tell_place(const struct mpi *m, struct comm_place *p, struct errmsg *em)
{
    int n;
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    TRY_MPI(MPI_Get_processor_name(host, &n), "MPI_Get_processor_name");
    *p = (struct comm_place){
        .rank = m->layout.rank,
        .world_size = m->layout.n_ranks,
        .local_rank = m->layout.local_rank,
        .local_size = m->layout.local_size,
        .node_count = m->layout.n_nodes,
        .node = m->layout.node,
    };
    memcpy(p->host, host, MIN(sizeof p->host - 1, sizeof host - 1));
    return ST_OK;
}

enum status comm_mpi_open(struct comm *c, struct errmsg *em)
{
    static const struct comm_ops ops = {
        .name = "mpi",
        .begin = begin,
        .wait = wait,
        .share_bytes = share_bytes,
        .gather = gather,
        .abort = abort_job,
        .close = close_mpi,
        .alloc = alloc,
        .release = release_memory,
    };
    struct mpi *m = calloc(1, sizeof *m);
    if (!m)
        return FAIL(em, ST_MEMORY, "out of memory for MPI");
    m->world_comm = m->node_comm = m->leaders_comm = MPI_COMM_NULL;
    enum status st = start_mpi(m, em);
    if (st == ST_OK)
        st = find_layout(m, c->options.ranks_per_node, em);
    if (st == ST_OK)
        st = agree(m, open_groups(m, em), em);
    if (st == ST_OK)
        st = open_nodes(m, &c->options, em);
    if (st == ST_OK)
        st = tell_place(m, &c->place, em);
    m->progress = &c->progress;
    if (st == ST_OK)
        st = agree(m, comm_thread_new(run, m, &m->thread, em), em);
    if (st != ST_OK) {
        comm_thread_free(m->thread, false);
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
