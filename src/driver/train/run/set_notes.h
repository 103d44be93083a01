/* What of the two sets does nothing, and what they have in common: told once, when a run opens
 * them. */
#ifndef BIFRONS_DRIVER_TRAIN_SET_NOTES_H
#define BIFRONS_DRIVER_TRAIN_SET_NOTES_H

#include "run.h"

/* Warns; never fails. Rank 0's, once sets and configuration are there. */
void set_notes_tell(const struct run *run);

#endif
