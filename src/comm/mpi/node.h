/*
 * Memory shared by the ranks of a node, and a barrier between them.
 *
 *     struct node *n;
 *     enum status st = node_new(local_rank, local_size, &limits, &n, &em);    // own segment
 *     if (st != ST_OK)
 *         return st;
 *     // all ranks learn all names: node_name(n)
 *     st = node_attach(n, names, &em);                       // the other ranks' segments
 *     // all ranks learn whether all have attached
 *     if (st == ST_OK)
 *         node_settle(n);
 *
 * Each rank makes one POSIX shared-memory file, its segment, and maps the segments of all ranks. A
 * segment is larger than it will ever need, but has no pages at first. Its head holds staging
 * memory and the board, with the barrier and the state of each rank; the board of local rank 0
 * counts. node_alloc gets pages with posix_fallocate, so that a full /dev/shm is an error here and
 * not a SIGBUS later. Other ranks find allocated memory by its offset.
 *
 * Only the communication thread of each rank uses barrier and collectives. It sleeps on a futex and
 * leaves the cores to the computing threads. A waiting rank checks now and then whether the others
 * still run; node_break ends all waiting on the node with one message.
 */
#ifndef BIFRONS_COMM_NODE_H
#define BIFRONS_COMM_NODE_H

#include <stdatomic.h>
#include <stddef.h>

#include "comm_priv.h"
#include "process.h"
#include "shared_file.h"

enum {
    NODE_NAME_BYTES = SHARED_FILE_NAME_BYTES,
    NODE_BUFFER_BYTES = 1 << 20, /* staging: a piece of a range that is not in shared memory */
    NODE_PARTIAL_BYTES = 4 << 20 /* a piece of the node's sum, sent between nodes */
};

#define NODE_NOWHERE UINT64_MAX /* offset of a range that is not in shared memory */

/* The state of one rank, for the other ranks of its node. */
struct node_slot {
    _Alignas(64) struct process_id process;
    int rank;                  /* in the world */
    struct comm_call call;     /* written before a barrier, read between two barriers */
    uint64_t offset;           /* of the call's range in this rank's segment */
    _Atomic uint64_t sequence; /* of the call; can be read at any time */
    _Atomic uint64_t barriers; /* number of barriers that this rank has entered */
};

struct node;

struct node_limits {
    size_t segment_bytes; /* 0: as much as /dev/shm allows */
    bool between_nodes;   /* several nodes: make room for the node's sum */
};

enum status node_new(int local_rank, int local_size, const struct node_limits *limits,
                     struct node **out, struct errmsg *em) MUST_CHECK;
void node_free(struct node *n);
const char *node_name(const struct node *n);
/* names: (local_size) x NODE_NAME_BYTES. */
enum status node_attach(struct node *n, const char *names, struct errmsg *em) MUST_CHECK;
/* Removes the names from /dev/shm. Call when all ranks have attached. */
void node_settle(struct node *n);

struct node_slot *node_slot(struct node *n, int local_rank);
void *node_buffer(struct node *n, int local_rank);
void *node_partial(struct node *n); /* one for the whole node */
void *node_at(struct node *n, int local_rank, uint64_t offset);
/* The offset of range; NODE_NOWHERE unless [range, range + bytes) is memory of node_alloc. */
uint64_t node_offset(const struct node *n, const void *range, size_t bytes);

/* Zeroed memory in this rank's segment; NULL if /dev/shm is full. Any thread. */
void *node_alloc(struct node *n, size_t bytes);
/* Frees memory of node_alloc; false for other memory. */
bool node_release(struct node *n, void *memory);
/* True for the first rank of the node that asks: this rank logs a message for all. */
bool node_says(struct node *n);

/* Returns when all ranks of the node have entered the barrier. ST_PEER: see node_break. */
enum status node_barrier(struct node *n, struct errmsg *em) MUST_CHECK;
/*
 * Makes all present and later barriers of the node fail with one message: that of the first call.
 * Any thread. Returns that status, with its message in *em.
 */
enum status node_break(struct node *n, const struct errmsg *why, struct errmsg *em);
/* ST_OK, or the status and message of node_break. */
enum status node_check(struct node *n, struct errmsg *em) MUST_CHECK;
/* The ranks that have not entered the barrier where this rank waits: "rank 1 (pid 77), …". */
void node_missing(struct node *n, char *text, size_t text_bytes);

#endif
