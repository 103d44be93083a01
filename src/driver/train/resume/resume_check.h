/*
 * What a configuration may change between the lives of a run. Every change is told, key by key;
 * one that would give the saved state another meaning is refused, with what to do instead.
 */
#ifndef BIFRONS_DRIVER_TRAIN_RESUME_CHECK_H
#define BIFRONS_DRIVER_TRAIN_RESUME_CHECK_H

#include "run_meta.h"
#include "session.h"

/* What a change makes incomparable with what was before it. */
struct resume_changes {
    bool losses; /* they are of another kind */
    bool best;   /* best.pt is chosen by something else */
    bool stages; /* where it is refused: because of what train.stages says of stages before */
};

/*
 * Compares a checkpoint's configuration (TOML text; NULL: none) and sets with the run's, which
 * is that of the checkpoint's stage, or of the last one where there are not as many. ST_CONFIG
 * names the first change that cannot be. Otherwise logs the changes and tells what they mean. Text
 * that cannot be read (a user's own checkpoint) passes.
 */
enum status resume_check(const struct run *run, const char *path, const char *config_toml,
                         const struct run_meta *meta, struct resume_changes *changed,
                         struct errmsg *em) MUST_CHECK;

#endif
