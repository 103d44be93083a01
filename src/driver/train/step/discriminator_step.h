/*
 * The discriminators' part of a step (model/discriminators.h). From discriminator.start_step on,
 * the network and the discriminators learn from the same pass. The discriminators' gradients are
 * summed over ranks after the network's. A skipped step updates neither. Every rank keeps the whole
 * state of the discriminators, with train.zero too.
 *
 * Where loss.adversarial is 0, and before the start, these functions do nothing and are not
 * collective.
 */
#ifndef BIFRONS_DRIVER_TRAIN_DISCRIMINATOR_STEP_H
#define BIFRONS_DRIVER_TRAIN_DISCRIMINATOR_STEP_H

#include "session.h"

/* Call it before the first step. Errors: ST_MEMORY. */
enum status discriminator_step_open(struct stage *stage, const struct train_state *at,
                                    struct errmsg *em) MUST_CHECK;
/* Decides whether the next step, s->state.step + 1, trains the discriminators. */
void discriminator_step_begin(struct session *s);
/* Call it after each slot with train.reproducible, as slot_sum_add. */
void discriminator_step_add_slot(struct session *s);
/* COLLECTIVE, even if something failed before: sums the gradients over ranks. */
enum status discriminator_step_sum(struct session *s, struct errmsg *em) MUST_CHECK;
/* *finite_out: the summed gradient has no NaN and no infinity. The same on every rank,
 * but the status may differ. */
enum status discriminator_step_is_finite(struct session *s, bool *finite_out,
                                         struct errmsg *em) MUST_CHECK;
/* Updates the discriminators; the status may differ between ranks. lr: the network's in this step;
 * the discriminators' rate follows it. */
enum status discriminator_step_update(struct session *s, double lr, struct errmsg *em) MUST_CHECK;
/* The loss that the guard checks: the total without the adversarial term. That term follows the
 * discriminators' skill, and starts in the middle of the run. */
double discriminator_step_judged_loss(const struct config *c, const struct model_losses *l);
/* COLLECTIVE: copies rank 0's discriminators to every rank. */
enum status discriminator_step_share(const struct stage *stage, struct errmsg *em) MUST_CHECK;

#endif
