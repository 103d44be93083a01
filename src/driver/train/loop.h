/* The training loop: steps, and what happens between them. */
#ifndef BIFRONS_DRIVER_TRAIN_LOOP_H
#define BIFRONS_DRIVER_TRAIN_LOOP_H

#include "report.h"
#include "session.h"

/*
 * COLLECTIVE. Trains from s->state to the stage's last step: validation, preview and checkpoint
 * after each epoch and at the end, checkpoints in between as configured. ST_AGAIN if it was stopped
 * by a signal or near its time limit (walltime.h), after a checkpoint. ST_INTERRUPTED if a signal
 * left no time for a checkpoint. ST_IO if the last state could not be saved.
 */
enum status loop_run(struct session *s, struct report *r, struct errmsg *em) MUST_CHECK;

#endif
