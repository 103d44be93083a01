/*
 * Collectives between the ranks of a training run, over raw memory. This module knows no tensors.
 *
 *     struct comm *c;
 *     struct comm_ticket t = {0};
 *     enum status st = comm_open(&options, &c, &em);                       // COLLECTIVE, once
 *     if (st != ST_OK)
 *         return st;
 *     st = comm_all_reduce_begin(c, grads, n, COMM_F32, NULL, &t, &em);    // COLLECTIVE
 *     if (st == ST_OK)
 *         st = comm_wait(c, &t, COMM_DEFAULT_DEADLINE, &em);
 *     comm_close(c);
 *
 * ORDER. All ranks make COLLECTIVE calls in the same order. From *_begin until comm_wait returns
 * for the ticket, the range belongs to the library. Any number of collectives may be begun; they
 * run in the order in which they were begun. Reductions are sums, never averages.
 *
 * SUMS. At each element, the ranks of a node are added in rank order, then the nodes in the order
 * of their lowest ranks. bf16 is added in fp32 and rounded once. All ranks get the same bits, which
 * depend on world size and node layout only. Between GPUs NCCL chooses the order: with more than
 * two ranks the bits depend on the bounds of the range, too.
 *
 * BACKEND MPI works while the caller computes: *_begin hands the range to a communication thread,
 * which makes every MPI call between start-up and the end, except MPI_Abort. Within a node this
 * thread reads and writes the other ranks' ranges in place if comm_alloc gave their memory; it
 * copies other ranges piece by piece.
 *
 * GPUS. With options.device a rank may work on a GPU: comm_device says on which one, and comm_alloc
 * gives memory on it. The caller passes such a range with the stream that produces it. Collectives
 * run on a stream of their own: *_begin returns at once, and comm_wait makes the range's stream
 * wait, not the host. A watching thread acts when a collective takes longer than timeout_s, or when
 * NCCL or another rank reports an error: it logs the failure and aborts NCCL, calls return ST_PEER,
 * and seconds later it ends the job, even if the caller's thread hangs.
 *
 * THREADS. One thread at a time calls; any thread may call comm_abort.
 *
 * ERRORS. Ranks that ask for different collectives (kind, count, type or root) all get ST_INTERNAL
 * before any range is touched; the message names the odd rank. After a failed collective every
 * later call returns the same failure. comm_close then does not end MPI: MPI_Finalize would wait
 * for ranks that are gone.
 */
#ifndef BIFRONS_COMM_COMM_H
#define BIFRONS_COMM_COMM_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum comm_backend { COMM_AUTO, COMM_SELF, COMM_MPI, COMM_NCCL };
enum comm_dtype { COMM_F32, COMM_F64, COMM_BF16, COMM_U8, COMM_U64 };
enum comm_kind {
    COMM_ALL_REDUCE,
    COMM_REDUCE_SCATTER,
    COMM_ALL_GATHER,
    COMM_BROADCAST,
    COMM_GATHER /* comm_gather_bytes */
};

#define COMM_DEFAULT_DEADLINE (-1.0) /* of comm_wait: the communicator's timeout */

struct comm;

/* One begun collective. The caller owns the ticket; comm_wait sets it back to idle. */
struct comm_ticket {
    uint64_t sequence; /* number of the collective in this communicator, from 1; 0: idle */
};

struct comm_options {
    enum comm_backend backend;
    /* NULL or "cpu"; "cuda", "cuda:N"; "auto": a GPU where every rank has one. */
    const char *device;
    /* Seconds that a call, or the opening of NCCL, waits for other ranks before it fails with
     * ST_PEER; 0: no limit. Backend mpi notices at once when a rank of the same node has ended. */
    double timeout_s;
    /* For tests: pretend that a node has this many ranks, and that /dev/shm has this many bytes for
     * each rank. 0: do not pretend. */
    int ranks_per_node;
    size_t shm_bytes_max;
};

/*
 * Opens the backend. COMM_AUTO means MPI if a launcher started several processes, else self, which
 * does not start MPI. MPI starts with MPI_THREAD_MULTIPLE, once in a process. The options of rank 0
 * count.
 *
 * On GPUs, "cuda" and "auto" give each rank the GPU with its local_rank, or the only GPU that the
 * launcher shows it. COMM_AUTO then means NCCL if no two ranks share a GPU (by UUID), else MPI
 * through host memory; rank 0 logs the choice and its reason.
 *
 * ST_CONFIG: the backend is not in this build, does not fit the launch, or is COMM_NCCL where NCCL
 * cannot work. ST_NODEVICE: "cuda", and a rank has no GPU. ST_PEER: NCCL did not open. ST_USAGE:
 * the launcher's variables say several processes, our MPI sees one (mpirun of another MPI, srun
 * without PMIx). Every rank gets ST_USAGE alone: print it where the variables say rank 0. Else all
 * ranks get the failure of the lowest rank.
 */
enum status comm_open(const struct comm_options *o, struct comm **out,
                      struct errmsg *em) MUST_CHECK;
/* COLLECTIVE with more than one rank: ends MPI. NULL is allowed. */
void comm_close(struct comm *c);
/*
 * Replaces comm_options.timeout_s for later calls. 0: no limit, for a phase in which one rank works
 * and the others wait; a rank that has ended is still noticed. Collectives on GPUs keep the timeout
 * of comm_open.
 */
void comm_set_timeout(struct comm *c, double timeout_s);
/* Ends every rank of the job at once; does not return. */
_Noreturn void comm_abort(struct comm *c, int exit_code);

int comm_rank(const struct comm *c);
int comm_world_size(const struct comm *c);
int comm_local_rank(const struct comm *c); /* number among the ranks of this node */
int comm_local_size(const struct comm *c);
int comm_node_count(const struct comm *c);
const char *comm_host_name(const struct comm *c);
const char *comm_backend_name(const struct comm *c);
/* Binds the calling thread, and the threads it starts later, to its allowed CPUs on the NUMA node
 * of the GPU: memory that they touch first lies there, too. Returns the number of CPUs; 0 if
 * nothing changed (no GPU, one NUMA node, or bound so before). Not collective. */
int comm_stay_near_gpu(const struct comm *c);
/* COLLECTIVE. Counts the ranks of this node that may run on a CPU of this rank, itself included. */
enum status comm_count_cpu_sharers(struct comm *c, int *n_out, struct errmsg *em) MUST_CHECK;
/* The CUDA device of this rank; -1: this rank works in host memory. */
int comm_device(const struct comm *c);
/* "Open MPI 4.1.4" or "none"; static. Needs no open communicator. */
const char *comm_library_version(void);
/* "2.29.7", or "none" in a build without CUDA; static. */
const char *comm_nccl_version(void);
/* What this build and node offer, for users: "yes, 2 GPUs: NAME", "yes, but no GPU here: REASON",
 * "no: REASON". */
void comm_describe_gpus(char *out, size_t out_bytes);

/*
 * Zeroed, 64-byte aligned memory for flat state (parameters, gradients) that collectives work on.
 * It lies on the GPU if comm_device is one; else, with backend mpi, in /dev/shm. If /dev/shm is
 * full, the node logs one line and gives private memory. Not collective; any thread. Free it before
 * comm_close. ST_MEMORY.
 */
enum status comm_alloc(struct comm *c, size_t bytes, void **out, struct errmsg *em) MUST_CHECK;
void comm_free(struct comm *c, void *memory);

/*
 * COLLECTIVE, all four. They work in place: every rank passes the whole range of `count` elements.
 * `stream` is the CUDA stream that produces the range, never the default stream; NULL for host
 * memory. Ranks on GPUs of one node that begin different collectives get ST_PEER with their names.
 *
 *   all_reduce      the range becomes the sum on every rank
 *   reduce_scatter  shard r (comm_shard) becomes the sum on rank r; the rest is undefined
 *   all_gather      shard r is copied from rank r to all ranks
 *   broadcast       the range is copied from root to all ranks
 */
enum status comm_all_reduce_begin(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                                  void *stream, struct comm_ticket *ticket,
                                  struct errmsg *em) MUST_CHECK;
enum status comm_reduce_scatter_begin(struct comm *c, void *range, size_t count,
                                      enum comm_dtype dtype, void *stream,
                                      struct comm_ticket *ticket, struct errmsg *em) MUST_CHECK;
enum status comm_all_gather_begin(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                                  void *stream, struct comm_ticket *ticket,
                                  struct errmsg *em) MUST_CHECK;
enum status comm_broadcast_begin(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                                 int root, void *stream, struct comm_ticket *ticket,
                                 struct errmsg *em) MUST_CHECK;
/*
 * Waits until the ticket's range is final. On a GPU the range's stream waits, not the host: work
 * queued on the stream afterwards finds the range final. ST_PEER if a rank is gone or deadline_s
 * seconds are over (COMM_DEFAULT_DEADLINE: the communicator's timeout); the message names the
 * missing ranks, if they are known.
 */
enum status comm_wait(struct comm *c, struct comm_ticket *ticket, double deadline_s,
                      struct errmsg *em) MUST_CHECK;

/* After comm_wait: makes the host wait, too, until all that is queued on the ranges' stream has
 * ended. stream NULL: nothing is left to wait for. ST_PEER. */
enum status comm_finish(struct comm *c, void *stream, struct errmsg *em) MUST_CHECK;

/* COLLECTIVE. Begins one of the four collectives above and waits for it. root: for a broadcast,
 * else 0. */
enum status comm_do(struct comm *c, enum comm_kind kind, void *range, size_t count,
                    enum comm_dtype dtype, int root, void *stream, struct errmsg *em) MUST_CHECK;

/* Says that the next n collectives are buckets 1 to n, for the watchdog's report. */
void comm_record_buckets(struct comm *c, size_t n);

/* Shard `which` of n elements in n_shards, usually one for each rank: elements [first, first +
 * count). The first shards are larger: 10 in 4 are 3 3 2 2. */
void comm_shard(size_t n, int n_shards, int which, size_t *first, size_t *count);

/*
 * COLLECTIVE. Ends a phase that can fail on one rank. Pass the local status, and its message in em.
 * All ranks get the status and message of the lowest failing rank (its number in em->rank), or
 * ST_OK. A failure on which the ranks have agreed before keeps its rank.
 */
enum status comm_agree(struct comm *c, enum status local, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Bitwise or of flags over all ranks. */
enum status comm_agree_flags(struct comm *c, uint64_t *flags, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Minimum and maximum of a number over all ranks. */
enum status comm_agree_range(struct comm *c, double value, double *min_out, double *max_out,
                             struct errmsg *em) MUST_CHECK;
/*
 * COLLECTIVE. Every rank gives n bytes (n may differ). Root gets them in rank order in *all_out,
 * which the caller frees, and the sizes in sizes_out[world_size]. Other ranks get NULL.
 */
enum status comm_gather_bytes(struct comm *c, const void *bytes, size_t n, int root, void **all_out,
                              size_t *sizes_out, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Returns when all ranks have called it. */
enum status comm_barrier(struct comm *c, struct errmsg *em) MUST_CHECK;

#endif
