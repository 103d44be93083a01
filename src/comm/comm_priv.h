/* What a backend provides. comm.c checks arguments and keeps tickets; a backend moves bytes. */
#ifndef BIFRONS_COMM_PRIV_H
#define BIFRONS_COMM_PRIV_H

#include "comm/comm.h"

enum { COMM_HOST_BYTES = 256 };

struct comm_place {
    int rank, world_size, local_rank, local_size, node_count;
    char host[COMM_HOST_BYTES];
};

struct comm_ops {
    const char *name;
    /* In place, whole range; blocking ones finish before they return and ignore `wait`. */
    enum status (*all_reduce)(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                              void *stream, struct errmsg *em);
    enum status (*reduce_scatter)(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                                  void *stream, struct errmsg *em);
    enum status (*all_gather)(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                              void *stream, struct errmsg *em);
    enum status (*broadcast)(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                             int root, void *stream, struct errmsg *em);
    enum status (*wait)(struct comm *c, uint64_t sequence, double deadline_s, struct errmsg *em);
    /* n bytes of every rank, concatenated in rank order, on every rank. */
    enum status (*share_bytes)(struct comm *c, const void *mine, size_t n, void *all,
                               struct errmsg *em);
    enum status (*gather)(struct comm *c, const void *mine, size_t n, int root, void *all,
                          const size_t *sizes, struct errmsg *em);
    void (*abort)(struct comm *c, int exit_code);
    void (*close)(struct comm *c);
    /* Memory of the backend's own kind, zeroed; NULL: the host's. */
    enum status (*alloc)(struct comm *c, size_t bytes, void **out, struct errmsg *em);
    void (*release)(struct comm *c, void *memory);
};

struct comm {
    const struct comm_ops *ops;
    struct comm_place place;
    uint64_t sequence; /* of the last begun collective */
    int device;        /* CUDA device, or -1 */
    void *backend;     /* the backend's own */
};

size_t comm_dtype_bytes(enum comm_dtype dtype);
/* sum[i] = sum[i] + term[i]; bf16 goes through sum_bf16 instead. */
void comm_add(void *sum, const void *term, size_t count, enum comm_dtype dtype);

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
 * In a build without CUDA: gpu/none.c.
 */
enum status comm_gpu_open(const struct comm_options *o, struct comm **c,
                          struct errmsg *em) MUST_CHECK;
bool comm_gpu_built(void);

#endif
