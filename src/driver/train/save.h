/*
 * Checkpoints of a run: writing one from rank 0, finding and loading one on all ranks.
 * The files and their order on disk are run_folder.h's business, their content
 * model/checkpoint.h's.
 */
#ifndef BIFRONS_DRIVER_TRAIN_SAVE_H
#define BIFRONS_DRIVER_TRAIN_SAVE_H

#include "session.h"

/*
 * Rank 0 only. Writes checkpoints/step-N.pt with its sidecar, moves latest.pt, and best.pt where
 * `best`. ST_IO leaves the earlier checkpoints whole; training may go on.
 */
enum status save_checkpoint(struct session *s, bool best, struct errmsg *em) MUST_CHECK;

/*
 * COLLECTIVE. resume is "auto" (the newest good checkpoint of the run folder, or a fresh start),
 * "none", or a path. Restores parameters, moments and state on every rank; sets s->state.
 */
enum status save_resume(struct session *s, const char *resume, struct errmsg *em) MUST_CHECK;

/* COLLECTIVE. Parameters from another run's checkpoint; moments, step and order start anew. */
enum status save_init_from(struct session *s, const char *path, struct errmsg *em) MUST_CHECK;

#endif
