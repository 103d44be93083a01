/* How the loop reacts to steps that the guard (guard.h) skipped, and to collapsed decoders
 * (collapse.h). */
#ifndef BIFRONS_DRIVER_TRAIN_RECOVERY_H
#define BIFRONS_DRIVER_TRAIN_RECOVERY_H

#include "report.h"
#include "save.h"
#include "session.h"
#include "step.h"

/* On rank 0: warns of the step just skipped, with the reason and the names of its pictures. */
void recovery_log_skipped(const struct session *s, const struct step_report *step);
/*
 * COLLECTIVE. Goes back to the state saved last, or at the last start, and lowers the learning
 * rate. ST_DIVERGED on all ranks if guard.rollbacks are used up.
 */
enum status recovery_go_back(struct session *s, struct saver *v, struct report *r,
                             struct errmsg *em) MUST_CHECK;

/* On rank 0, after a validation: warns, with the evidence, if a decoder has collapsed. */
void recovery_log_collapse(const struct session *s,
                           const struct collapse_view seen[static MODEL_PEOPLE]);
/* At the end of a run: warns if a decoder is collapsed. */
void recovery_log_end(const struct session *s);
/* True if guard.patience validations in a row found a collapse. Also true if the last validation of
 * a stage found one and another stage follows. */
bool recovery_is_due(const struct session *s);
/*
 * COLLECTIVE. As recovery_go_back, but to a state without a collapsed decoder: the one saved last,
 * else the newest such checkpoint of the run folder. Later checkpoints are set aside. ST_DIVERGED
 * also if there is no such state.
 */
enum status recovery_leave_collapse(struct session *s, struct saver *v, struct report *r,
                                    struct errmsg *em) MUST_CHECK;

#endif
