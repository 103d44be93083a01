/* Advice if a stage runs out of memory: the settings that matter, and what to change. */
#ifndef BIFRONS_DRIVER_TRAIN_MEMORY_ADVICE_H
#define BIFRONS_DRIVER_TRAIN_MEMORY_ADVICE_H

#include "session.h"

/*
 * Appends to a message of ST_MEMORY: the stage's batch, train.accumulate and train.recompute, and
 * what to try. The session must have entered a stage; it need not be open. Not collective: the text
 * is the same on every rank.
 */
void memory_advice_add(const struct session *s, struct errmsg *em);

#endif
