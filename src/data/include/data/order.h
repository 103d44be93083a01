/*
 * Which picture comes when. A position is the number of pictures of a person consumed so far:
 * the only cursor there is. The training picture at position p is
 *
 *     train[permutation(seed, person, p div N)[p mod N]],   N = number of training pictures
 *
 * so world size, workers, batch size and restarts never change what is trained on, or in which
 * order. Permutations are Fisher-Yates shuffles from the Philox stream PHILOX_ORDER_*.
 *
 * The split depends on (seed, content) only: pictures are ranked by a seeded hash of their row
 * hash, ties by row, and the first round(val_fraction * n) are held out (at least one where
 * val_fraction > 0 and n > 1).
 */
#ifndef BIFRONS_DATA_ORDER_H
#define BIFRONS_DATA_ORDER_H

#include <stdint.h>

#include "base/status.h"

enum order_person { ORDER_PERSON_A, ORDER_PERSON_B };

struct order;

/* hashes: n row hashes (set_hashes); copied. ST_MEMORY; ST_CONFIG where no training row is left. */
enum status order_new(const uint64_t *hashes, int64_t n, double val_fraction, uint64_t seed,
                      enum order_person person, struct order **out, struct errmsg *em) MUST_CHECK;
void order_free(struct order *o);

int64_t order_train_count(const struct order *o);
int64_t order_val_count(const struct order *o);
/* Row of the i-th held-out picture, in row order. */
int64_t order_val_row(const struct order *o, int64_t i);
/* Row of the i-th training picture, in row order (for statistics over all of them). */
int64_t order_train_row(const struct order *o, int64_t i);
/* Row of the training picture at a position. Caches one permutation: one thread at a time. */
int64_t order_row_at(struct order *o, uint64_t position);

#endif
