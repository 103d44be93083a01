/*
 * What ranks tell each other in one small sum, at the end of a step or of a validation: losses,
 * flags, and whether they could do their part. All learn the same at the same point, so none leaves
 * a collective alone.
 *
 *     vote_init(&v, 1);
 *     vote_add_losses(&v, 0, &losses); …
 *     st = vote_take(comm, local_status, &v, &em);          // COLLECTIVE
 *     losses = vote_losses(&v);
 *     vote_release(&v);
 *
 * Losses are added up in units. A unit that one rank alone adds to has the same bits whichever rank
 * that is, and units are summed in their order.
 */
#ifndef BIFRONS_DRIVER_TRAIN_VOTE_H
#define BIFRONS_DRIVER_TRAIN_VOTE_H

#include <stddef.h>
#include <stdint.h>

#include "comm/comm.h"
#include "model/model.h"

enum { VOTE_FLAGS = 2 };

struct vote {
    size_t units;
    double *numbers; /* failures, flags, then the losses of each unit */
};

void vote_init(struct vote *v, size_t units);
void vote_release(struct vote *v);
void vote_set_flags(struct vote *v, uint64_t flags);
void vote_add_losses(struct vote *v, size_t unit, const struct model_losses *losses);
/* COLLECTIVE. Where any rank failed: its status and message on all. */
enum status vote_take(struct comm *c, enum status local, struct vote *v,
                      struct errmsg *em) MUST_CHECK;
/* After vote_take: flags of any rank; losses of all. */
uint64_t vote_flags(const struct vote *v);
struct model_losses vote_losses(const struct vote *v);

#endif
