/* The interface of a backend. comm.c checks arguments and keeps tickets; a backend moves bytes. */
#ifndef BIFRONS_COMM_PRIV_H
#define BIFRONS_COMM_PRIV_H

#include <stdatomic.h>

#include "comm/comm.h"

enum { COMM_HOST_BYTES = 256 };

struct comm_place {
    int rank, world_size, local_rank, local_size, node_count, node;
    char host[COMM_HOST_BYTES];
};

/* By MPI's count and by name: cloned containers of two nodes can have one name, containers on one
 * node several. */
bool comm_place_same_node(const struct comm_place *a, const struct comm_place *b);

/* One collective: all ranks must begin the same n-th collective. Sent between ranks as bytes. */
struct comm_call {
    uint64_t sequence, count;
    enum comm_kind kind;
    enum comm_dtype dtype;
    int root;
};

/* The collectives that the caller has begun and waits for. The caller's thread writes it, any
 * thread reads it. */
struct comm_progress {
    _Atomic uint64_t sequence, count,
        what;                 /* the last call begun; `what` is kind, dtype and root */
    _Atomic uint64_t waiting; /* the sequence that the caller waits for; 0: none */
    _Atomic uint64_t waits;   /* the number of waits that have ended */
    _Atomic uint64_t doing;   /* the sequence that the backend's thread works on; 0: unknown */
    _Atomic uint64_t buckets; /* of the last comm_record_buckets: the sequence before it, and n */
    atomic_bool held;         /* a debugger holds a rank; the watchdog's thread writes it */
};

struct comm_ops {
    const char *name;
    /* Begins a collective, in place, over the whole range. */
    enum status (*begin)(struct comm *c, const struct comm_call *call, void *range, void *stream,
                         struct errmsg *em);
    enum status (*wait)(struct comm *c, uint64_t sequence, double deadline_s, struct errmsg *em);
    /* Makes the host wait for the stream. NULL: `wait` has done so. */
    enum status (*finish)(struct comm *c, void *stream, struct errmsg *em);
    /* Concatenates n bytes of every rank, in rank order, on every rank. */
    enum status (*share_bytes)(struct comm *c, const void *mine, size_t n, void *all,
                               struct errmsg *em);
    enum status (*gather)(struct comm *c, const void *mine, size_t n, int root, void *all,
                          const size_t *sizes, struct errmsg *em);
    void (*abort)(struct comm *c, int exit_code);
    void (*close)(struct comm *c);
    /* Zeroed memory on the device, or that makes collectives fast. If alloc is NULL, or gives ST_OK
     * and a NULL *out, comm.c takes private host memory. release: true if alloc gave the memory. */
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
    struct comm *host; /* with GPUs: the communicator in host memory, owned; else NULL */
    void *backend;     /* private to the backend */
};

/* "collective 17 (all-reduce of 100 x f32)" */
enum { COMM_CALL_TEXT_BYTES = 128 };
void comm_call_describe(const struct comm_call *call, char *text, size_t text_bytes);
/* Packs kind, data type and root into one number, and unpacks them. */
uint64_t comm_call_pack(const struct comm_call *call);
struct comm_call comm_call_unpack(uint64_t sequence, uint64_t count, uint64_t packed);
bool comm_call_same(const struct comm_call *a, const struct comm_call *b);

void comm_progress_begin(struct comm_progress *p, const struct comm_call *call);
void comm_progress_wait(struct comm_progress *p, uint64_t sequence);
void comm_progress_go_on(struct comm_progress *p);
void comm_progress_read(const struct comm_progress *p, struct comm_call *out);
/* The bucket, from 1 to *n_out, that has this sequence; 0: none. */
int comm_progress_bucket(const struct comm_progress *p, uint64_t sequence, int *n_out);

size_t comm_dtype_bytes(enum comm_dtype dtype);
/* The type in which dtype is added: fp32 for bf16, else dtype itself. */
enum comm_dtype comm_dtype_wide(enum comm_dtype dtype);

/* Adds the ranks' versions group by group, then the sums of the groups. A group is a node. */
struct comm_order {
    const int *group_sizes; /* (n_groups) */
    int n_groups;
};
/*
 * Adds count elements over all versions, in order, and writes the sum to each of n_out ranges. A
 * range may be a version. bf16 is rounded once, at the end.
 */
void comm_sum(void *const *out, int n_out, const void *const *versions,
              const struct comm_order *order, size_t count, enum comm_dtype dtype);
/* The same without rounding: *out has the wide type. */
void comm_sum_wide(void *out, const void *const *versions, const struct comm_order *order,
                   size_t count, enum comm_dtype dtype);
/* Converts from the wide type to dtype. */
void comm_narrow(void *out, const void *wide, size_t count, enum comm_dtype dtype);

/* The elements [first, first + count) of the range that rank r has before an all-gather or a
 * broadcast, and after a reduce-scatter. */
void comm_call_segment(const struct comm_call *call, int n_ranks, int r, size_t *first,
                       size_t *count);

/* Fails unless all calls (n) are the same. ranks (n): the rank of each call. */
enum status comm_calls_compare(const struct comm_call *calls, const int *ranks, int n,
                               struct errmsg *em) MUST_CHECK;

/* The launcher, as its environment variables show it; world_size 0: no launcher. */
struct comm_launch {
    int world_size, rank;
    const char *launcher;
    /* srun without a PMIx server, which Open MPI needs to find the other ranks */
    bool without_pmix;
};
struct comm_launch comm_launch_detect(void);

enum status comm_self_open(struct comm *c, struct errmsg *em) MUST_CHECK;
enum status comm_mpi_open(struct comm *c, struct errmsg *em) MUST_CHECK;

/*
 * COLLECTIVE over *c, which is open. If options.device asks for GPUs and they can be used, *c
 * becomes a communicator over GPUs that owns the given one. Otherwise, also after a failure, *c
 * stays. Without CUDA: gpu/off/none.c.
 */
enum status comm_gpu_open(const struct comm_options *o, struct comm **c,
                          struct errmsg *em) MUST_CHECK;
bool comm_gpu_built(void);
enum { COMM_BUS_ID_BYTES = 16 };
/* The bus id of a CUDA device as Linux writes it, "0000:17:00.0"; false if it has none. */
bool comm_gpu_bus_id(int device, char out[static COMM_BUS_ID_BYTES]);

#endif
