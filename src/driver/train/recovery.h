/* What the loop does about steps that the guard (guard.h) left out. */
#ifndef BIFRONS_DRIVER_TRAIN_RECOVERY_H
#define BIFRONS_DRIVER_TRAIN_RECOVERY_H

#include "report.h"
#include "save.h"
#include "session.h"
#include "step.h"

/* On rank 0: a warning with the reason and the names of the samples of the step just left out. */
void recovery_tell_skipped(const struct session *s, const struct step_report *step);
/*
 * COLLECTIVE. Goes back to the state that was saved last, or to the start of this life, with a
 * lower learning rate. ST_DIVERGED on all ranks where guard.rollbacks are used up.
 */
enum status recovery_go_back(struct session *s, struct saver *v, struct report *r,
                             struct errmsg *em) MUST_CHECK;

#endif
