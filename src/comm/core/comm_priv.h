/* What a backend provides. comm.c checks arguments and keeps tickets; a backend moves bytes. */
#ifndef BIFRONS_COMM_PRIV_H
#define BIFRONS_COMM_PRIV_H

#include <stdatomic.h>

#include "comm/comm.h"

enum { COMM_HOST_BYTES = 256 };

struct comm_place {
    int rank, world_size, local_rank, local_size, node_count;
    char host[COMM_HOST_BYTES];
};

/* What all ranks must ask alike in their n-th collective. Sent between ranks as it is. */
struct comm_call {
    uint64_t sequence, count;
    enum comm_kind kind;
    enum comm_dtype dtype;
    int root;
};

/* How far the caller has come. The caller's thread writes it, any thread reads it. */
struct comm_progress {
    _Atomic uint64_t sequence, count,
        what;                 /* the last call begun; `what` is kind, dtype and root */
    _Atomic uint64_t waiting; /* the sequence it waits for; 0: it does not */
    _Atomic uint64_t waits;   /* that are over */
    _Atomic uint64_t doing;   /* what the backend's thread works on, up to `waiting`; 0: unknown */
    _Atomic uint64_t buckets; /* the latest: the sequence before the first, and how many */
};

struct comm_ops {
    const char *name;
    /* In place, over the whole range. */
    enum status (*begin)(struct comm *c, const struct comm_call *call, void *range, void *stream,
                         struct errmsg *em);
    enum status (*wait)(struct comm *c, uint64_t sequence, double deadline_s, struct errmsg *em);
    /* n bytes of every rank, concatenated in rank order, on every rank. */
    enum status (*share_bytes)(struct comm *c, const void *mine, size_t n, void *all,
                               struct errmsg *em);
    enum status (*gather)(struct comm *c, const void *mine, size_t n, int root, void *all,
                          const size_t *sizes, struct errmsg *em);
    void (*abort)(struct comm *c, int exit_code);
    void (*close)(struct comm *c);
    /* Memory that makes collectives cheap, or the device's, zeroed. No member, or ST_OK with NULL
     * in *out: private host memory will do. release says whether the memory was alloc's. */
    enum status (*alloc)(struct comm *c, size_t bytes, void **out, struct errmsg *em);
    bool (*release)(struct comm *c, void *memory);
};

struct comm {
    const struct comm_ops *ops;
    struct comm_place place;
    struct comm_options options;
    uint64_t sequence; /* of the last begun collective */
    int device;        /* CUDA device, or -1 */
    struct comm_progress progress;
    struct comm *host; /* of a communicator over GPUs: the one over hosts below it, which it owns */
    void *backend;     /* the backend's own */
};

/* "collective 17 (all-reduce of 100 x f32)" */
enum { COMM_CALL_TEXT_BYTES = 128 };
void comm_call_describe(const struct comm_call *call, char *text, size_t text_bytes);
/* Kind, data type and root in one number, and the call that it is of. */
uint64_t comm_call_pack(const struct comm_call *call);
struct comm_call comm_call_unpack(uint64_t sequence, uint64_t count, uint64_t packed);
bool comm_call_same(const struct comm_call *a, const struct comm_call *b);

void comm_progress_begin(struct comm_progress *p, const struct comm_call *call);
void comm_progress_wait(struct comm_progress *p, uint64_t sequence);
void comm_progress_go_on(struct comm_progress *p);
void comm_progress_read(const struct comm_progress *p, struct comm_call *out);
/* Which of the latest *n_out buckets has this sequence, from 1; 0: none. */
int comm_progress_bucket(const struct comm_progress *p, uint64_t sequence, int *n_out);

size_t comm_dtype_bytes(enum comm_dtype dtype);
/* The type that bf16 is added in, fp32; the type itself for the others. */
enum comm_dtype comm_dtype_wide(enum comm_dtype dtype);

/* Versions are added group by group, then the groups' sums: one group a node. */
struct comm_order {
    const int *group_sizes; /* (n_groups) */
    int n_groups;
};
/*
 * The sum of count elements over versions, in their order, written to each of n_out ranges, which
 * may be versions themselves. bf16 is rounded once, at the end.
 */
void comm_sum(void *const *out, int n_out, const void *const *versions,
              const struct comm_order *order, size_t count, enum comm_dtype dtype);
/* The same, not rounded: *out is of the wide type. */
void comm_sum_wide(void *out, const void *const *versions, const struct comm_order *order,
                   size_t count, enum comm_dtype dtype);
/* From the wide type to dtype. */
void comm_narrow(void *out, const void *wide, size_t count, enum comm_dtype dtype);

/* Elements [first, first + count) of the range that rank r holds before an all-gather or a
 * broadcast, and after a reduce-scatter. */
void comm_call_segment(const struct comm_call *call, int n_ranks, int r, size_t *first,
                       size_t *count);

/* Fails where ranks ask different things; calls: (n), ranks: (n) the world's ranks they are of. */
enum status comm_calls_compare(const struct comm_call *calls, const int *ranks, int n,
                               struct errmsg *em) MUST_CHECK;

/* What the launcher's variables say; world_size 0: no launcher. */
struct comm_launch {
    int world_size, rank;
    const char *launcher;
    bool without_pmix; /* srun, without the PMIx server by which Open MPI would find its peers */
};
struct comm_launch comm_launch_detect(void);

enum status comm_self_open(struct comm *c, struct errmsg *em) MUST_CHECK;
enum status comm_mpi_open(struct comm *c, struct errmsg *em) MUST_CHECK;

/*
 * COLLECTIVE, over *c, which is open: where options.device asks for GPUs and they can be had, *c
 * becomes a communicator over them that owns the given one; else it stays. On failure too.
 * In a build without CUDA: gpu/off/none.c.
 */
enum status comm_gpu_open(const struct comm_options *o, struct comm **c,
                          struct errmsg *em) MUST_CHECK;
bool comm_gpu_built(void);
enum { COMM_BUS_ID_BYTES = 16 };
/* "0000:17:00.0" of a CUDA device, as Linux writes it; false where there is none. */
bool comm_gpu_bus_id(int device, char out[static COMM_BUS_ID_BYTES]);

#endif
