/* Which ranks share a node. */
#include <stdlib.h>

#include "comm_mpi.h"

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* node_of holds each rank's node as the world number of its lowest rank; numbers nodes 0, 1, … */
static void number_nodes(struct comm_layout *l)
{
    int *lowest = l->node_sizes; /* first the lowest ranks, then the sizes */
    for (int r = 0; r < l->n_ranks; r++)
        if (l->node_of[r] == r)
            lowest[l->n_nodes++] = r;
    for (int r = 0; r < l->n_ranks; r++) {
        const int *found =
            bsearch(&l->node_of[r], lowest, (size_t)l->n_nodes, sizeof *lowest, compare_ints);
        l->node_of[r] = (int)(found - lowest);
    }
}

enum status comm_layout_init(struct comm_layout *l, const int *lowest_rank_of, int n_ranks,
                             int rank, struct errmsg *em)
{
    *l = (struct comm_layout){.n_ranks = n_ranks, .rank = rank};
    l->node_of = calloc((size_t)n_ranks, sizeof *l->node_of);
    l->ranks_by_node = calloc((size_t)n_ranks, sizeof *l->ranks_by_node);
    l->node_sizes = calloc((size_t)n_ranks, sizeof *l->node_sizes);
    if (!l->node_of || !l->ranks_by_node || !l->node_sizes)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (int r = 0; r < n_ranks; r++)
        l->node_of[r] = lowest_rank_of[r];
    number_nodes(l);
    l->node = l->node_of[rank];
    int at = 0;
    for (int node = 0; node < l->n_nodes; node++) {
        int begin = at;
        for (int r = 0; r < n_ranks; r++)
            if (l->node_of[r] == node) {
                if (r == rank)
                    l->local_rank = at - begin;
                l->ranks_by_node[at++] = r;
            }
        l->node_sizes[node] = at - begin;
        if (node == l->node) {
            l->my_ranks = l->ranks_by_node + begin;
            l->local_size = at - begin;
        }
    }
    return ST_OK;
}

void comm_layout_release(struct comm_layout *l)
{
    free(l->node_of);
    free(l->ranks_by_node);
    free(l->node_sizes);
}
