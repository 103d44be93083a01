/*
 * Which keys a resumed run may change. Every change is logged, key by key. A change that would give
 * the saved state another meaning is refused; the message says what to do instead.
 */
#ifndef BIFRONS_DRIVER_TRAIN_RESUME_CHECK_H
#define BIFRONS_DRIVER_TRAIN_RESUME_CHECK_H

#include "run_meta.h"
#include "session.h"

enum { RESUME_CHANGES_BYTES = 1024 };

/* What has changed, and what cannot be compared with earlier values after it. */
struct resume_changes {
    char keys[RESUME_CHANGES_BYTES]; /* lines "key: old -> new", cut to fit */
    bool losses;                     /* the loss is computed differently */
    bool best;                       /* checkpoint.best has changed */
    bool stages; /* the refusal is because earlier stages of train.stages changed */
};

/*
 * Compares a checkpoint's configuration (TOML text; NULL: none) and sets with the run's. The run's
 * must be of the checkpoint's stage, or of the last one if there are fewer. ST_CONFIG: names the
 * first change that is not allowed. Otherwise logs the changes and what they mean. A configuration
 * that cannot be read (a user's own checkpoint) passes.
 */
enum status resume_check(const struct run *run, const char *path, const char *config_toml,
                         const struct run_meta *meta, struct resume_changes *changed,
                         struct errmsg *em) MUST_CHECK;

#endif
