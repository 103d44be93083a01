/*
 * Which picture comes when. A position is the number of pictures of a person consumed so far:
 * the only cursor there is. The training picture at position p is
 *
 *     train[permutation(seed, person, p div N)[p mod N]],   N = number of training pictures
 *
 * so world size, workers, batch size and restarts never change what is trained on, or in which
 * order.
 *
 * permutation(seed, person, pass): draws from philox_at(seed, PHILOX_ORDER_A or _B, pass); starting
 * from 0 … N - 1, for i = N - 1 down to 1, place i is swapped with place philox_below(i + 1)
 * (Fisher and Yates).
 *
 * The split depends on (seed, content) only: pictures are ranked by XXH3-64 of their 8-byte row
 * hash, seeded with the seed, ties by row, and the first round(val_fraction * n) are held out (at
 * least one where val_fraction > 0 and n > 1, and never all). `train` lists the rest by row.
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
