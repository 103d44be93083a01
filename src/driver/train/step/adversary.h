/*
 * The discriminators' side of a step (model/adversary.h): from adversary.start_step on, both sides
 * learn from the same pass. Their gradients are summed over ranks like the network's, after them;
 * a step that is left out is left out for both; every rank keeps all of their state, with
 * train.zero too. Where loss.adversarial is 0, or before the start, nothing here is collective and
 * nothing happens.
 */
#ifndef BIFRONS_DRIVER_TRAIN_ADVERSARY_H
#define BIFRONS_DRIVER_TRAIN_ADVERSARY_H

#include "session.h"

/* Before the first step. ST_MEMORY. */
enum status adversary_open(struct stage *stage, const struct train_state *at,
                           struct errmsg *em) MUST_CHECK;
/* Lets the passes of the next step, s->state.step + 1, train the discriminators, or not. */
void adversary_begin_step(struct session *s);
/* With train.reproducible, after each slot: as slot_sum_add. */
void adversary_add_slot(struct session *s);
/* COLLECTIVE, whatever has failed before: the sum of gradients. */
enum status adversary_sum(struct session *s, struct errmsg *em) MUST_CHECK;
/* Has it neither NaN nor infinity? The same on every rank. */
enum status adversary_is_finite(struct session *s, bool *finite_out, struct errmsg *em) MUST_CHECK;
/* The update; lr: the network's in this step, whose course theirs follows. */
enum status adversary_update(struct session *s, double lr, struct errmsg *em) MUST_CHECK;
/* The loss that steps are judged by: without the adversarial term, which rises and falls with the
 * other side's skill and begins amid the run. */
double adversary_judged_loss(const struct config *c, const struct model_losses *l);
/* COLLECTIVE: rank 0's discriminators arrive on every rank. */
enum status adversary_share(const struct stage *stage, struct errmsg *em) MUST_CHECK;

#endif
