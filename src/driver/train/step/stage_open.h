/*
 * Opens and closes what a stage has:
 *
 *     enum status st = stage_open(stage, &state, &em);
 *     if (st == ST_OK)
 *         st = stage_open_sums(stage, &state, &em);
 *     // its weights: resume.h; its steps: step.h
 *     stage_close(stage);
 */
#ifndef BIFRONS_DRIVER_TRAIN_STAGE_OPEN_H
#define BIFRONS_DRIVER_TRAIN_STAGE_OPEN_H

#include "session.h"

/* COLLECTIVE: loader and model of the stage that was entered, for a run that stands at `at`. */
enum status stage_open(struct stage *stage, const struct train_state *at,
                       struct errmsg *em) MUST_CHECK;
/*
 * COLLECTIVE, after it: what sums gradients over ranks and measures their norm. With several ranks
 * one backward is run on the first samples, whose gradients are thrown away, to learn in which
 * order and when gradients get ready; rank 0 prints the plan.
 */
enum status stage_open_sums(struct stage *stage, const struct train_state *at,
                            struct errmsg *em) MUST_CHECK;
/* Not collective. Closes all of it; does nothing where none is open. */
void stage_close(struct stage *stage);

/* The slots of a batch, with train.reproducible. */
size_t stage_slots(const struct stage *stage);
/* The model that a configuration asks for; its colours are those of the sets, and left out. */
struct model_options stage_model_options(const struct config *c, const char *device);
/* COLLECTIVE: rank 0's parameters, moments and state arrive on every rank. */
enum status stage_share_state(struct stage *stage, struct train_state *t,
                              struct errmsg *em) MUST_CHECK;

#endif
