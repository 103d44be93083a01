/* What the loop does about steps that the guard (guard.h) left out, and about collapsed decoders
 * (collapse.h). */
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

/* On rank 0, after a validation: a warning with the evidence where a decoder has collapsed. */
void recovery_tell_collapse(const struct session *s,
                            const struct collapse_view seen[static MODEL_PEOPLE]);
/* At the end of a run: a warning where it ends collapsed. */
void recovery_tell_end(const struct session *s);
/* Have guard.patience validations in a row found a collapse, or the last one of a stage that
 * another one follows, which would begin with it? */
bool recovery_is_due(const struct session *s);
/*
 * COLLECTIVE. As recovery_go_back, to a state in which no decoder has collapsed: the one that was
 * saved last, else the newest checkpoint of the run folder, whose later ones are set aside.
 * ST_DIVERGED also where there is none.
 */
enum status recovery_leave_collapse(struct session *s, struct saver *v, struct report *r,
                                    struct errmsg *em) MUST_CHECK;

#endif
