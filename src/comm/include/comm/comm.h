/*
 * Collectives between the ranks of a training run, over raw memory: no tensor is known here.
 *
 *     struct comm *c;
 *     struct comm_ticket t = {0};
 *     enum status st = comm_open(&options, &c, &em);                       // COLLECTIVE, once
 *     if (st != ST_OK)
 *         return st;
 *     st = comm_all_reduce_begin(c, grads, n, COMM_F32, NULL, &t, &em);    // COLLECTIVE
 *     if (st == ST_OK)
 *         st = comm_wait(c, &t, COMM_NO_DEADLINE, &em);
 *     comm_close(c);
 *
 * COLLECTIVE calls must be made by all ranks in the same order. A range handed to *_begin belongs
 * to the library until comm_wait has returned for its ticket. Any number may be under way; they are
 * done in the order in which they were begun. Sums only: nothing here averages.
 *
 * The sum at each element is taken in rank order within a node, then in the order of nodes (by
 * their lowest ranks), whatever the range's bounds; bf16 is added in fp32 and rounded once. Its
 * bits depend on world size and node layout alone, and all ranks get the same ones. Between GPUs
 * NCCL chooses the order: with more than two ranks it depends on the range's bounds, too.
 *
 * Backend mpi works while the caller computes: *_begin hands the range to a communication thread,
 * which from opening on makes every MPI call of the process. Within a node it reads and writes the
 * peers' ranges where they lie, if they are comm_alloc's; others are copied piece by piece.
 *
 * GPUS. With options.device a rank may work on a GPU: comm_device says on which, comm_alloc gives
 * memory on it, and ranges in that memory come with the stream they are produced on. Their
 * collectives are queued on a stream of our own: *_begin returns at once, and comm_wait makes the
 * range's stream wait, not the host. When a collective has not ended after timeout_s, or NCCL or a
 * peer reports an error, a thread of ours says so, aborts NCCL, lets calls here return ST_PEER, and
 * ends the job seconds later, whatever the caller's thread is stuck in.
 *
 * Calls come from one thread at a time; comm_abort may come from any. Ranks that ask for different
 * things in the same place (another collective, count, type, root) all get ST_INTERNAL, which names
 * the odd rank, before any range is touched. A failed collective is the last one: every later call
 * returns the same failure, and comm_close leaves MPI as it is, for MPI_Finalize would wait for
 * ranks that are gone.
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

#define COMM_NO_DEADLINE (-1.0)

struct comm;

/* One begun collective. Plain data, the caller's; comm_wait makes it idle. */
struct comm_ticket {
    uint64_t sequence; /* of this collective in this communicator; 0 = idle */
};

struct comm_options {
    enum comm_backend backend;
    /* NULL or "cpu"; "cuda", "cuda:N"; "auto": a GPU where every rank has one. */
    const char *device;
    /* Seconds without the others' answer after which a call gives up with ST_PEER, of opening NCCL,
     * too; 0: none. Backend mpi notices without it when a rank of the same node has ended. */
    double timeout_s;
    /* For tests. As if each node had so many ranks, and /dev/shm so many bytes a rank; 0: as is. */
    int ranks_per_node;
    size_t shm_bytes_max;
};

/*
 * Opens the backend; COMM_AUTO is MPI where a launcher started several processes, else self, which
 * starts no MPI. MPI is started with MPI_THREAD_MULTIPLE and can be opened once in a process.
 * ST_CONFIG: a backend this build lacks or the launch contradicts. ST_USAGE: the variables of a
 * launcher say several processes and our MPI says one (another MPI's mpirun, srun without PMIx).
 * That refusal is written on every rank, and no rank knows of the others: the caller prints it
 * where the launcher's variables say rank 0.
 *
 * On GPUs, "cuda" and "auto" give each rank the GPU of its number on the node, or the only one that
 * its launcher shows it. COMM_AUTO is then NCCL where no two ranks share a GPU (told by UUID), else
 * MPI through host memory; rank 0 logs which, and why. Options are rank 0's. ST_CONFIG: COMM_NCCL
 * where it cannot work. ST_NODEVICE: "cuda" where a rank has none. ST_PEER: NCCL did not open.
 */
enum status comm_open(const struct comm_options *o, struct comm **out,
                      struct errmsg *em) MUST_CHECK;
/* Collective where the world has more than one rank: ends MPI. NULL is fine. */
void comm_close(struct comm *c);
/*
 * How long calls wait for the other ranks from now on, in place of comm_options.timeout_s; 0: for
 * ever, as through a phase in which one rank works and the others wait. A rank that has ended is
 * noticed all the same. Collectives on GPUs keep the timeout they were opened with.
 */
void comm_set_timeout(struct comm *c, double timeout_s);
/* Ends every rank of the job at once; does not return. */
_Noreturn void comm_abort(struct comm *c, int exit_code);

int comm_rank(const struct comm *c);
int comm_world_size(const struct comm *c);
int comm_local_rank(const struct comm *c); /* among the ranks of this node */
int comm_local_size(const struct comm *c);
int comm_node_count(const struct comm *c);
const char *comm_host_name(const struct comm *c);
const char *comm_backend_name(const struct comm *c);
/* Keeps the calling thread, and those it starts from now on, on the processors next to this rank's
 * GPU that it may use, and with them the memory they touch first. Gives their number; 0 where
 * nothing changed: no GPU, one NUMA node, or bound so already. Not collective. */
int comm_stay_near_gpu(const struct comm *c);
/* COLLECTIVE. How many ranks of this host may run on a CPU of this rank's, this one included. */
enum status comm_count_cpu_sharers(struct comm *c, int *n_out, struct errmsg *em) MUST_CHECK;
/* The CUDA device this rank works on, or -1: memory and work are the host's. */
int comm_device(const struct comm *c);
/* "Open MPI 4.1.4" or "none"; static. Also without an open communicator. */
const char *comm_library_version(void);
/* "2.29.7", or "none" in a build without CUDA; static. */
const char *comm_nccl_version(void);
/* What this build and machine can do about GPUs, for people: "2 GPUs", "no GPU: " and why. */
void comm_describe_gpus(char *out, size_t out_bytes);

/*
 * Memory for flat state that collectives work on, zeroed and 64-byte aligned: on comm_device where
 * that is a GPU; else with backend mpi in /dev/shm, where there is room (if not, one line says so,
 * once a node). Not collective; any thread. Free it before comm_close. ST_MEMORY.
 */
enum status comm_alloc(struct comm *c, size_t bytes, void **out, struct errmsg *em) MUST_CHECK;
void comm_free(struct comm *c, void *memory);

/*
 * COLLECTIVE, all four. `stream` is the device stream the range is produced on, NULL for host
 * memory: never the default stream. count is in elements. In place: every rank passes the whole
 * range. Between GPUs of one node, ranks that begin different collectives are told apart: ST_PEER
 * names them.
 *   all_reduce:      each rank's range becomes the sum
 *   reduce_scatter:  shard r (comm_shard) becomes the sum on rank r; the rest is undefined
 *   all_gather:      shard r travels from rank r to all
 *   broadcast:       from root to all
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
 * Waits until the ticket's range is final. ST_PEER when a rank is gone, or after deadline_s seconds
 * (COMM_NO_DEADLINE: the communicator's timeout); the message says who was missing, where known.
 * For a range on a GPU: what is queued on its stream afterwards finds it final; the host does not
 * wait.
 */
enum status comm_wait(struct comm *c, struct comm_ticket *ticket, double deadline_s,
                      struct errmsg *em) MUST_CHECK;

/* COLLECTIVE. One of the four above from *_begin to comm_wait, for a caller that has nothing else
 * to do meanwhile. root: of a broadcast; else 0. */
enum status comm_do(struct comm *c, enum comm_kind kind, void *range, size_t count,
                    enum comm_dtype dtype, int root, void *stream, struct errmsg *em) MUST_CHECK;

/* The next n collectives are buckets 1 to n of something: the watchdog's report calls them so. */
void comm_note_buckets(struct comm *c, size_t n);

/* Elements [first, first + count) of a range of n that rank owns when it is sharded. */
void comm_shard(size_t n, int world_size, int rank, size_t *first, size_t *count);

/*
 * COLLECTIVE. The end of a phase that can fail on one rank: all ranks get the status and message of
 * the lowest failing rank (its number in em->rank), or ST_OK. Pass the local outcome; em holds the
 * local message and is overwritten by the agreed one.
 */
enum status comm_agree(struct comm *c, enum status local, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Bitwise or of flags over all ranks. */
enum status comm_agree_flags(struct comm *c, uint64_t *flags, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Minimum and maximum of a number over all ranks. */
enum status comm_agree_range(struct comm *c, double value, double *min_out, double *max_out,
                             struct errmsg *em) MUST_CHECK;
/*
 * COLLECTIVE. Every rank gives n bytes (n may differ); root gets all, in rank order, in *all_out
 * (the caller's to free) with the sizes in sizes_out[world_size]. Other ranks get NULL.
 */
enum status comm_gather_bytes(struct comm *c, const void *bytes, size_t n, int root, void **all_out,
                              size_t *sizes_out, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. */
enum status comm_barrier(struct comm *c, struct errmsg *em) MUST_CHECK;

#endif
