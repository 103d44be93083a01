/* Warnings about the two sets, logged once when a run opens them: what is not used, and pictures
 * that both sets have. */
#ifndef BIFRONS_DRIVER_TRAIN_SET_NOTES_H
#define BIFRONS_DRIVER_TRAIN_SET_NOTES_H

#include "run.h"

/* Warns; never fails. Call it on rank 0 when sets and configuration are open. */
void set_notes_log(const struct run *run);

#endif
