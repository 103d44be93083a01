/* Where memory ends in a stage: which settings a step's memory depends on, and what to change. */
#ifndef BIFRONS_DRIVER_TRAIN_MEMORY_ADVICE_H
#define BIFRONS_DRIVER_TRAIN_MEMORY_ADVICE_H

#include "session.h"

/*
 * Puts behind a message of ST_MEMORY: the batch, train.accumulate and train.recompute as the stage
 * has them, and what to try. The session has entered a stage; whether that is open does not matter.
 * Not collective: the message, and what is added, is the same on every rank.
 */
void memory_advice_add(const struct session *s, struct errmsg *em);

#endif
