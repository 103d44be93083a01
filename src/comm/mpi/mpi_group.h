/*
 * Collectives by MPI only, over all ranks or over one rank of each node.
 *
 * Sums go piece by piece. Every rank owns a shard of each piece: it receives this shard from all
 * ranks, adds the versions in a fixed order, and sends the sum to all. A rank moves 2 (n - 1) / n
 * of the bytes, as in a ring. Unlike with MPI_Allreduce, the order of additions does not depend on
 * where pieces and shards begin.
 *
 * Every call starts a non-blocking operation and polls it with pauses: MPI's own waiting uses a
 * whole core, which the computing threads need, and cannot be interrupted.
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
    const int *ranks;            /* (n) in the order in which their versions are added */
    struct comm_order order;     /* of these versions */
    struct node *node;           /* waiting stops when this node breaks; NULL: no node */
    const atomic_bool *given_up; /* waiting stops when this flag is set */
    int *counts, *offsets;       /* (2 n): n for sending, then n for receiving */
    unsigned char *scratch;      /* all versions of a shard */
    const void **versions;       /* (n) */
};

/* Fails with the name of the MPI call and MPI's text for the code. */
enum status mpi_fail(int code, const char *what, struct errmsg *em);

/* Allocates the buffers. The fields before `counts` must be set. */
enum status mpi_group_init(struct mpi_group *g, struct errmsg *em) MUST_CHECK;
void mpi_group_release(struct mpi_group *g);

/* This rank's shard of the piece becomes the sum. A piece has at most GROUP_PIECE_BYTES. */
enum status mpi_group_sum_shard(struct mpi_group *g, void *piece, size_t count,
                                enum comm_dtype dtype, struct errmsg *em) MUST_CHECK;
/* Copies each shard of a piece from its rank to all ranks. */
enum status mpi_group_spread_shards(struct mpi_group *g, void *piece, size_t count, size_t element,
                                    struct errmsg *em) MUST_CHECK;
/* The piece becomes the sum, on root only. */
enum status mpi_group_sum_to(struct mpi_group *g, void *piece, size_t count, enum comm_dtype dtype,
                             int root, struct errmsg *em) MUST_CHECK;
enum status mpi_group_broadcast(struct mpi_group *g, void *range, size_t bytes, int root,
                                struct errmsg *em) MUST_CHECK;
enum status mpi_group_all_gather(struct mpi_group *g, const void *mine, size_t bytes, void *all,
                                 struct errmsg *em) MUST_CHECK;
/* sizes: (n) bytes of each rank. */
enum status mpi_group_gather(struct mpi_group *g, const void *mine, const size_t *sizes, int root,
                             void *all, struct errmsg *em) MUST_CHECK;

#endif
