/*
 * Memory that all ranks of a node see, and the barrier between them.
 *
 *     struct node *n;
 *     enum status st = node_new(local_rank, local_size, &limits, &n, &em);    // own segment
 *     if (st != ST_OK)
 *         return st;
 *     // all ranks learn all names: node_name(n)
 *     st = node_attach(n, names, &em);                       // the peers' segments
 *     // all ranks learn whether all could
 *     if (st == ST_OK)
 *         node_settle(n);
 *
 * Each rank makes one POSIX shared-memory file, larger than it will ever need and without pages,
 * and maps the files of all. Its head holds the board (who is where, the barrier; that of local
 * rank 0 counts) and staging memory; node_alloc takes pages for the rest with posix_fallocate, so
 * that a full /dev/shm is a refusal here and not a SIGBUS later. A peer finds what a rank
 * allocated by its offset.
 *
 * Barrier and collectives are for one thread of each rank, the communication thread. It sleeps on
 * a futex: cores are for the threads that compute. A waiting rank looks now and then whether its
 * peers still run; node_break ends all waiting on the node with one message.
 */
#ifndef BIFRONS_COMM_NODE_H
#define BIFRONS_COMM_NODE_H

#include <stdatomic.h>
#include <stddef.h>

#include "comm_priv.h"
#include "process.h"

enum {
    NODE_NAME_BYTES = 64,
    NODE_BUFFER_BYTES = 1 << 20, /* a piece of a range outside shared memory */
    NODE_PARTIAL_BYTES = 4 << 20 /* a piece of the node's sum, on its way between nodes */
};

#define NODE_NOWHERE UINT64_MAX /* the offset of a range outside shared memory */

/* What one rank tells the others of its node. */
struct node_slot {
    _Alignas(64) struct process_id process;
    int rank;                  /* of the world */
    struct comm_call call;     /* before a barrier; read between two */
    uint64_t offset;           /* of the call's range in this rank's segment */
    _Atomic uint64_t sequence; /* of the call, for those who look at any time */
    _Atomic uint64_t barriers; /* this rank has come to */
};

struct node;

struct node_limits {
    size_t segment_bytes; /* 0: as /dev/shm permits */
    bool between_nodes;   /* room for the node's sum is needed */
};

enum status node_new(int local_rank, int local_size, const struct node_limits *limits,
                     struct node **out, struct errmsg *em) MUST_CHECK;
void node_free(struct node *n);
const char *node_name(const struct node *n);
/* names: (local_size) x NODE_NAME_BYTES. */
enum status node_attach(struct node *n, const char *names, struct errmsg *em) MUST_CHECK;
/* When all ranks have attached and still run: nothing is left in /dev/shm from here on. */
void node_settle(struct node *n);

struct node_slot *node_slot(struct node *n, int local_rank);
void *node_buffer(struct node *n, int local_rank);
void *node_partial(struct node *n); /* the node's, one for all */
void *node_at(struct node *n, int local_rank, uint64_t offset);
/* NODE_NOWHERE where [range, range + bytes) is no memory of this rank's node_alloc. */
uint64_t node_offset(const struct node *n, const void *range, size_t bytes);

/* Pages of this rank's segment, zeroed; NULL where there are none to be had. Any thread. */
void *node_alloc(struct node *n, size_t bytes);
/* True where the memory was node_alloc's. */
bool node_release(struct node *n, void *memory);
/* True for the first of the node's ranks that asks: what concerns all is said once. */
bool node_says(struct node *n);

/* Returns when all ranks of the node have come. ST_PEER: see node_break. */
enum status node_barrier(struct node *n, struct errmsg *em) MUST_CHECK;
/*
 * Ends all barriers of the node, now and later, with the message of the first that called. Any
 * thread. Returns the status, and in *em the message, that count.
 */
enum status node_break(struct node *n, const struct errmsg *why, struct errmsg *em);
/* ST_OK, or what node_break left. */
enum status node_check(struct node *n, struct errmsg *em) MUST_CHECK;
/* The ranks that have not come to the barrier this rank waits at, as "rank 1 (pid 77), …". */
void node_missing(struct node *n, char *text, size_t text_bytes);

#endif
