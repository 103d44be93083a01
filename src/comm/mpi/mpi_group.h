/*
 * Collectives by MPI alone, over all ranks or over one rank a node.
 *
 * A sum is taken piece by piece. Of each piece every rank owns a shard: it receives the others'
 * versions of it, adds them in a fixed order, and sends the sum to all. That moves 2 (n - 1) / n
 * of the bytes a rank, as a ring does, but the order of additions at an element is the same
 * wherever pieces and shards begin. MPI_Allreduce promises no such thing.
 *
 * Every call begins a non-blocking operation and asks for its end, with pauses: Open MPI's own
 * waiting takes a whole core from the threads that compute, and cannot be called off.
 */
#ifndef BIFRONS_COMM_MPI_GROUP_H
#define BIFRONS_COMM_MPI_GROUP_H

#include <mpi.h>
#include <stdatomic.h>

#include "comm_priv.h"
#include "node.h"

enum { GROUP_PIECE_BYTES = 4 << 20 };

struct mpi_group {
    MPI_Comm comm;
    int n, me;
    const int *ranks;            /* (n) whose version comes first, second, … in a sum */
    struct comm_order order;     /* of those */
    struct node *node;           /* its end ends waiting; NULL: none */
    const atomic_bool *given_up; /* so does this */
    int *counts, *offsets;       /* (2 n): what goes out, what comes in */
    unsigned char *scratch;      /* the versions of a shard */
    const void **versions;       /* (n) */
};

/* The name of the call and MPI's text for the code. */
enum status mpi_fail(int code, const char *what, struct errmsg *em);

/* Buffers for a group whose fields before `counts` are set. */
enum status mpi_group_init(struct mpi_group *g, struct errmsg *em) MUST_CHECK;
void mpi_group_release(struct mpi_group *g);

/* A piece is of at most GROUP_PIECE_BYTES. This rank's shard of it becomes the sum. */
enum status mpi_group_sum_shard(struct mpi_group *g, void *piece, size_t count,
                                enum comm_dtype dtype, struct errmsg *em) MUST_CHECK;
/* The shards of a piece travel from their ranks to all. */
enum status mpi_group_spread_shards(struct mpi_group *g, void *piece, size_t count, size_t element,
                                    struct errmsg *em) MUST_CHECK;
/* The root's bytes become the sum. */
enum status mpi_group_sum_to(struct mpi_group *g, void *piece, size_t count, enum comm_dtype dtype,
                             int root, struct errmsg *em) MUST_CHECK;
enum status mpi_group_broadcast(struct mpi_group *g, void *range, size_t bytes, int root,
                                struct errmsg *em) MUST_CHECK;
enum status mpi_group_all_gather(struct mpi_group *g, const void *mine, size_t bytes, void *all,
                                 struct errmsg *em) MUST_CHECK;
/* sizes: (n). */
enum status mpi_group_gather(struct mpi_group *g, const void *mine, const size_t *sizes, int root,
                             void *all, struct errmsg *em) MUST_CHECK;

#endif
