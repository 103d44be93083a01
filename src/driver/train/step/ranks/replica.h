/*
 * Checks that all ranks still train the same model. Every rank updates its own copy of the
 * parameters with the same sums. A copy that differs (bad memory, a bug) must be reported.
 */
#ifndef BIFRONS_DRIVER_TRAIN_REPLICA_H
#define BIFRONS_DRIVER_TRAIN_REPLICA_H

#include "session.h"

/*
 * COLLECTIVE. ST_DIVERGED on all ranks if the hashes of their parameters differ. The message names
 * the ranks that differ from the majority. Without a majority it gives the hash of each rank.
 */
enum status replica_check(struct session *s, struct errmsg *em) MUST_CHECK;

/* COLLECTIVE. The same check of any hash; step is for the message. */
enum status replica_compare(struct comm *c, uint64_t hash, int64_t step,
                            struct errmsg *em) MUST_CHECK;

#endif
