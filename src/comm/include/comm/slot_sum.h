/*
 * Sums gradients in one fixed binary tree over slots, whichever rank computed which slot.
 *
 *     struct slot_sum *sum;
 *     enum status st = slot_sum_new(comm, gradients, count, n_slots, &sum, &em);
 *     if (st != ST_OK)
 *         return st;
 *     size_t first, mine;                                      // the slots of this rank
 *     comm_shard(n_slots, comm_world_size(comm), comm_rank(comm), &first, &mine);
 *     for (int64_t step = 1; st == ST_OK && step <= steps; step++) {
 *         for (size_t slot = first; slot < first + mine; slot++) {
 *             backward(slot);                                  // the gradient of this slot only
 *             slot_sum_add(sum);
 *         }
 *         st = slot_sum_finish(sum, &em);                      // COLLECTIVE: gradients = the sum
 *     }
 *     slot_sum_free(sum);
 *
 * The tree: node (level, i) covers slots [i * 2^level, (i + 1) * 2^level) and is the sum of its two
 * halves; a half without slots is skipped. So the bits of the sum depend on the gradients and the
 * number of slots only, not on the number of ranks.
 *
 * Each rank adds the nodes whose slots are all its own. At most 2 log2(n_slots) nodes are then left
 * on a rank. All ranks gather these nodes, piece by piece, and add them in the same order.
 *
 * Cost: every node that is left takes the memory and the traffic of one gradient. It is one node a
 * rank if every rank has the same power of two of slots. The sum in rank order moves two gradients.
 *
 * fp32 in host memory. Call from the thread that calls comm.
 */
#ifndef BIFRONS_COMM_SLOT_SUM_H
#define BIFRONS_COMM_SLOT_SUM_H

#include <stddef.h>

#include "comm/comm.h"

struct slot_sum;

/* gradients: (count), borrowed. ST_MEMORY. */
enum status slot_sum_new(struct comm *c, float *gradients, size_t count, size_t n_slots,
                         struct slot_sum **out, struct errmsg *em) MUST_CHECK;
void slot_sum_free(struct slot_sum *s);
/* One line with the cost: "8 slots, 37.7 MiB a rank …". */
void slot_sum_describe(const struct slot_sum *s, char *out, size_t size);
/* Adds the flat gradient as this rank's next slot. Afterwards the gradient is undefined. */
void slot_sum_add(struct slot_sum *s);
/* COLLECTIVE, also on a rank that failed before its last slot: the sum is then meaningless. */
enum status slot_sum_finish(struct slot_sum *s, struct errmsg *em) MUST_CHECK;

#endif
