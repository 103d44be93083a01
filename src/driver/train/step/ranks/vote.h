/*
 * One small sum over ranks at the end of a step or validation: losses, flags, and failures. All
 * ranks learn of a failure at the same point, so no rank leaves a collective alone.
 *
 *     vote_init(&v, 1, 0);
 *     vote_add_losses(&v, 0, &losses);
 *     enum status st = vote_take(comm, local_status, &v, &em);    // COLLECTIVE
 *     if (st == ST_OK)
 *         losses = vote_losses(&v);
 *     vote_release(&v);
 *
 * Losses and own numbers of the caller are added in units, and the units in their order. A unit
 * that only one rank adds to has the same bits, whichever rank that is.
 */
#ifndef BIFRONS_DRIVER_TRAIN_VOTE_H
#define BIFRONS_DRIVER_TRAIN_VOTE_H

#include <stddef.h>
#include <stdint.h>

#include "comm/comm.h"
#include "model/model.h"

enum { VOTE_FLAGS = 2 };

struct vote {
    size_t units, own;
    double *numbers; /* failures, flags, then the losses and own numbers of each unit */
};

/* own: how many own numbers of the caller a unit has. */
void vote_init(struct vote *v, size_t units, size_t own);
void vote_release(struct vote *v);
void vote_set_flags(struct vote *v, uint64_t flags);
void vote_add_losses(struct vote *v, size_t unit, const struct model_losses *losses);
/* The own numbers of a unit, for the caller to add to before vote_take. */
double *vote_own(const struct vote *v, size_t unit);
/* COLLECTIVE. If a rank failed, returns its status and message on all ranks. */
enum status vote_take(struct comm *c, enum status local, struct vote *v,
                      struct errmsg *em) MUST_CHECK;
/* After vote_take: the flags that any rank set; the losses of all ranks. */
uint64_t vote_flags(const struct vote *v);
struct model_losses vote_losses(const struct vote *v);
/* After vote_take: the sums of the caller's own numbers over units. */
void vote_own_sums(const struct vote *v, double *sums);

#endif
