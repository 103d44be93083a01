/*
 * Opens and closes the model, loader and sums of a stage:
 *
 *     enum status st = stage_open(stage, &state, &em);
 *     if (st == ST_OK)
 *         st = stage_open_sums(stage, &state, &em);
 *     // load weights with resume.h, train with step.h
 *     stage_close(stage);
 */
#ifndef BIFRONS_DRIVER_TRAIN_STAGE_OPEN_H
#define BIFRONS_DRIVER_TRAIN_STAGE_OPEN_H

#include "session.h"

/* COLLECTIVE. Opens loader and model of the current stage. at: the step and position of the run. */
enum status stage_open(struct stage *stage, const struct train_state *at,
                       struct errmsg *em) MUST_CHECK;
/*
 * COLLECTIVE. Call it after stage_open: opens the reducer and the norm. With several ranks, one
 * backward pass on the first samples shows in which order and when gradients become ready; its
 * gradients are thrown away. Rank 0 prints the plan.
 */
enum status stage_open_sums(struct stage *stage, const struct train_state *at,
                            struct errmsg *em) MUST_CHECK;
/* Not collective. Does nothing if nothing is open. */
void stage_close(struct stage *stage);

/* The number of slots of a batch, with train.reproducible. */
size_t stage_slots(const struct stage *stage);
/* The options of the model of a configuration, without colours: these come from the sets. */
struct model_options stage_model_options(const struct config *c, const char *device);
/* COLLECTIVE: copies rank 0's parameters, moments and state to every rank. */
enum status stage_share_state(struct stage *stage, struct train_state *t,
                              struct errmsg *em) MUST_CHECK;

#endif
