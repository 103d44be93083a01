/*
 * Which picture comes when. A position is the number of pictures of a person consumed so far; it is
 * the only cursor of a run. The training picture at position p is
 *
 *     train[permutation(seed, person, p div N)[p mod N]],   N = number of training pictures
 *
 * With N = 3, positions 0 1 2 are pass 0 (say rows 2 0 1) and 3 4 5 are pass 1, shuffled anew.
 * After a restart at position 4, position 4 is the same row.
 *
 * So world_size, threads, batch size and restarts change neither which pictures are trained on nor
 * their order.
 *
 * permutation(seed, person, pass) shuffles 0 … N - 1 by Fisher and Yates, with draws from
 * philox_at(seed, PHILOX_ORDER_A or _B, pass): for i = N - 1 down to 1, place i is swapped with
 * place philox_below(i + 1).
 *
 * The split into training and held-out pictures depends on the seed and the set only. Pictures are
 * sorted by the XXH3-64, seeded with the seed, of their key. Equal ones are sorted by row. The key
 * of a frame of a video (/source and /time are known) is a hash of the video's name and of its ten
 * seconds: frames that follow each other look alike, so whole stretches are held out (at most one
 * is divided). The key of any other picture is the hash of its content (set_hashes). The first
 * round(val_fraction * n) are held out: at least one if val_fraction > 0 and n > 1, and never all.
 * `train` is the rest, by row.
 */
#ifndef BIFRONS_DATA_ORDER_H
#define BIFRONS_DATA_ORDER_H

#include <stdint.h>

#include "base/status.h"
#include "data/set.h"

enum order_person { ORDER_PERSON_A, ORDER_PERSON_B };

struct order;

/* ST_DATA, ST_MEMORY. */
enum status order_of_set(struct set *s, double val_fraction, uint64_t seed,
                         enum order_person person, struct order **out,
                         struct errmsg *em) MUST_CHECK;
/* keys: of n rows, copied. ST_MEMORY; ST_CONFIG: no training picture is left. */
enum status order_new(const uint64_t *keys, int64_t n, double val_fraction, uint64_t seed,
                      enum order_person person, struct order **out, struct errmsg *em) MUST_CHECK;
void order_free(struct order *o);

int64_t order_train_count(const struct order *o);
int64_t order_val_count(const struct order *o);
/* A hash of which rows are held out; 0: none. */
uint64_t order_held_out_hash(const struct order *o);
/* Row of the i-th held-out picture, in row order. */
int64_t order_val_row(const struct order *o, int64_t i);
/* Row of the i-th training picture, in row order (for statistics over all of them). */
int64_t order_train_row(const struct order *o, int64_t i);
/* Row of the training picture at a position. Caches one permutation, so only one thread at a
 * time. */
int64_t order_row_at(struct order *o, uint64_t position);

#endif
