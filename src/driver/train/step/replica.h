/*
 * Do all ranks still train the same model? Every rank updates its own copy of the parameters with
 * the same sums; a copy that has come to differ (bad memory, a bug) must be found, not averaged
 * away.
 */
#ifndef BIFRONS_DRIVER_TRAIN_REPLICA_H
#define BIFRONS_DRIVER_TRAIN_REPLICA_H

#include "session.h"

/*
 * COLLECTIVE. ST_DIVERGED on all ranks where the hashes of their parameters differ: names the ranks
 * that differ from the majority, or, where there is none, what each rank has.
 */
enum status replica_check(struct session *s, struct errmsg *em) MUST_CHECK;

/* COLLECTIVE. The same of any hash; step is for the message. */
enum status replica_compare(struct comm *c, uint64_t hash, int64_t step,
                            struct errmsg *em) MUST_CHECK;

#endif
