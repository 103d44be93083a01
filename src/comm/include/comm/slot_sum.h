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
 *             backward(slot);                                  // gradients of this slot alone
 *             slot_sum_add(sum);
 *         }
 *         st = slot_sum_finish(sum, &em);                      // COLLECTIVE: gradients = the sum
 *     }
 *     slot_sum_free(sum);
 *
 * The tree: node (level, i) covers slots [i * 2^level, (i + 1) * 2^level) and is the sum of its
 * left and its right half; a half without slots is left out. So the bits of the sum depend on the
 * slots' gradients and their number alone, not on how many ranks there are.
 *
 * A rank adds whole nodes of its own slots as it goes, at most 2 log2(n_slots) of them are left,
 * and these are gathered, piece by piece, and added by every rank alike. That moves as many copies
 * of the gradient as there are nodes left, one a rank where ranks share the slots out evenly in
 * powers of two, against two for the sum in rank order; memory is one gradient for each node.
 *
 * fp32 in host memory. One thread at a time, that of comm's calls.
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
/* "8 slots, 37.7 MiB a rank …": what it costs, one line. */
void slot_sum_describe(const struct slot_sum *s, char *out, size_t size);
/* Takes the flat gradient as that of this rank's next slot; what it then holds is undefined. */
void slot_sum_add(struct slot_sum *s);
/* COLLECTIVE. A rank that failed before its last slot takes part; the sum is then worth nothing. */
enum status slot_sum_finish(struct slot_sum *s, struct errmsg *em) MUST_CHECK;

#endif
