/* Inside of the MPI backend. All but opening and closing runs on the communication thread. */
#ifndef BIFRONS_COMM_MPI_H
#define BIFRONS_COMM_MPI_H

#include <mpi.h>
#include <stdatomic.h>

#include "comm_priv.h"
#include "comm_thread.h"
#include "mpi_group.h"
#include "node.h"

/* The ranks of each node. Nodes are numbered in the order of their lowest ranks. */
struct comm_layout {
    int n_ranks, rank, local_size, local_rank, n_nodes, node;
    int *node_of;        /* (n_ranks) */
    int *ranks_by_node;  /* (n_ranks) node by node, in rank order within a node */
    int *node_sizes;     /* (n_nodes) */
    const int *my_ranks; /* (local_size) the ranks of this node, within ranks_by_node */
};

/* lowest_rank_of (n_ranks): the lowest rank on each rank's node. Release also after a failure. */
enum status comm_layout_init(struct comm_layout *l, const int *lowest_rank_of, int n_ranks,
                             int rank, struct errmsg *em) MUST_CHECK;
void comm_layout_release(struct comm_layout *l);

struct mpi {
    MPI_Comm world_comm, node_comm, leaders_comm;
    bool started_here;
    struct comm_layout layout;
    struct mpi_group world;
    struct mpi_group leaders; /* local rank 0 of each node; only with several nodes */
    int *leader_order;        /* (n_nodes) 0, 1, … */
    struct node *shm;         /* NULL: no shared memory on some node */
    const void **versions;    /* (local_size) for sums */
    void **outs;              /* (local_size) */
    atomic_bool given_up;     /* a deadline is over: stop waiting for other ranks */
    bool stuck;               /* the communication thread has not come back since */
    struct comm_thread *thread;
    struct comm_progress *progress; /* the communicator's */
};

/* Runs a collective through shared memory on each node, and by MPI between nodes. */
enum status mpi_run_shared(struct mpi *m, const struct comm_request *r,
                           struct errmsg *em) MUST_CHECK;
/* Runs a collective by MPI only. */
enum status mpi_run_plain(struct mpi *m, const struct comm_request *r,
                          struct errmsg *em) MUST_CHECK;

#endif
