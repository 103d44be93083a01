/* Where a run starts: at its newest good checkpoint, at a named one, with another run's weights. */
#ifndef BIFRONS_DRIVER_TRAIN_RESUME_H
#define BIFRONS_DRIVER_TRAIN_RESUME_H

#include "session.h"

/*
 * COLLECTIVE. from is "auto" (the newest checkpoint of the run folder that is whole and fits, or a
 * fresh start where there is none), "none", or a path. Restores parameters, moments and state on
 * every rank; sets s->state. ST_DATA and ST_CONFIG say why none, or not that one, can be used.
 */
enum status resume_run(struct session *s, const char *from, struct errmsg *em) MUST_CHECK;

/* COLLECTIVE. Parameters from another run's checkpoint; moments, step and order start anew. */
enum status resume_init_from(struct session *s, const char *path, struct errmsg *em) MUST_CHECK;

#endif
