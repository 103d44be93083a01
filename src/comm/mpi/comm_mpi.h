/* Inside of the MPI backend. Everything but opening and closing runs on the communication thread.
 */
#ifndef BIFRONS_COMM_MPI_H
#define BIFRONS_COMM_MPI_H

#include <mpi.h>
#include <stdatomic.h>

#include "comm_priv.h"
#include "comm_thread.h"
#include "mpi_group.h"
#include "node.h"

/* Which ranks sit where. Nodes are numbered by their lowest rank. */
struct comm_layout {
    int n_ranks, rank, local_size, local_rank, n_nodes, node;
    int *node_of;        /* (n_ranks) */
    int *ranks_by_node;  /* (n_ranks) node by node, in rank order within */
    int *node_sizes;     /* (n_nodes) */
    const int *my_ranks; /* (local_size) this node's, within ranks_by_node */
};

/* lowest_rank_of: (n_ranks) of each rank's node. Release also after a failure. */
enum status comm_layout_init(struct comm_layout *l, const int *lowest_rank_of, int n_ranks,
                             int rank, struct errmsg *em) MUST_CHECK;
void comm_layout_release(struct comm_layout *l);

struct mpi {
    MPI_Comm world_comm, node_comm, leaders_comm;
    bool started_here;
    struct comm_layout layout;
    struct mpi_group world;
    struct mpi_group leaders; /* local rank 0 of each node; only where several nodes are */
    int *leader_order;        /* (n_nodes) 0, 1, … */
    struct node *shm;         /* NULL: no shared memory on some node */
    const void **versions;    /* (local_size) for sums */
    void **outs;              /* (local_size) */
    atomic_bool given_up;     /* a deadline went by: no answer is awaited any more */
    struct comm_thread *thread;
    struct comm_progress *progress; /* the communicator's */
};

/* The collective through shared memory on each node, by MPI between nodes. */
enum status mpi_run_shared(struct mpi *m, const struct comm_request *r,
                           struct errmsg *em) MUST_CHECK;
/* By MPI alone. */
enum status mpi_run_plain(struct mpi *m, const struct comm_request *r,
                          struct errmsg *em) MUST_CHECK;

#endif
