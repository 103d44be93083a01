/* Measures how swaps follow their source pictures (follow.h): at the end of a run, and at each
 * validation if checkpoint.best is "follow". */
#ifndef BIFRONS_DRIVER_TRAIN_VALIDATE_FOLLOW_H
#define BIFRONS_DRIVER_TRAIN_VALIDATE_FOLLOW_H

#include "follow.h"
#include "session.h"

/* True if checkpoint.best is "follow". */
bool validate_by_follow(const struct config *c);
/* True if swaps of this person's pictures can be measured with these sets. */
bool validate_can_follow(const struct run *run, int person);
/*
 * COLLECTIVE. Measures with the current parameters and sets s->state.val_metrics. Does nothing if
 * the sets lack points or pictures. Rank `person` (modulo the number of ranks) measures the swaps
 * of a person's pictures, the others wait; the number of ranks does not change the result.
 */
enum status validate_follow(struct session *s, struct errmsg *em) MUST_CHECK;
/* The last measurement. NaN: none. */
void validate_get_follow(const struct session *s, struct follow out[static MODEL_PEOPLE]);

#endif
