/* Names inside a run folder, shared by run_folder.c and run_checkpoints.c. */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_FOLDER_PRIV_H
#define BIFRONS_DRIVER_TRAIN_RUN_FOLDER_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sidecar.h"

#define CHECKPOINTS_FOLDER "checkpoints"

/* The step of "step-%010d.pt" + tail, or -1 for any other name. */
int64_t checkpoint_step_of_name(const char *name, const char *tail);
/* OUT/checkpoints/NAME. ST_IO: too long. */
enum status checkpoints_path(const char *out, const char *name, char path[static PATH_BYTES_MAX],
                             struct errmsg *em) MUST_CHECK;
/* The newest checkpoint before step `limit`; -1 if there is none. ST_IO: unreadable. */
enum status checkpoints_newest_below(const char *out, int64_t limit, int64_t *step_out,
                                     struct errmsg *em) MUST_CHECK;

#endif
