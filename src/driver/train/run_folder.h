/*
 * The folder of a run, on rank 0.
 *
 *     OUT/.lock                         held while a run uses the folder
 *     OUT/config.resolved.toml
 *     OUT/previews/
 *     OUT/checkpoints/step-%010d.pt     immutable, each with
 *     OUT/checkpoints/step-%010d.pt.xxh3    its XXH3-128, as `xxhsum -H128` prints it
 *     OUT/checkpoints/latest.pt, best.pt    relative symlinks to two of them
 *
 *     struct run_folder *folder;
 *     run_folder_open(out, config_toml, continues, &folder, &em);
 *     run_folder_temporary(out, step, temporary, &em);
 *     ...write the checkpoint to `temporary`...
 *     run_folder_commit_checkpoint(out, temporary, step, best, keep, &em);
 *     run_folder_free(folder);
 *
 * A sidecar is durable before its checkpoint gets its name, so a checkpoint that is there can be
 * checked. A run that is killed at any moment leaves the earlier checkpoints whole and at most
 * temporary files, which the next one removes.
 */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_FOLDER_H
#define BIFRONS_DRIVER_TRAIN_RUN_FOLDER_H

#include <stdint.h>

#include "base/file.h"
#include "base/status.h"

struct run_folder; /* the lock, for as long as this process lives and holds it */

/*
 * Makes the folder, takes its lock, removes what a killed run left unfinished, and writes the
 * resolved configuration. ST_USAGE: another process holds it, or it has checkpoints and the run
 * does not go on with them. ST_IO: it cannot be written.
 */
enum status run_folder_open(const char *out, const char *config_toml, bool continues,
                            struct run_folder **folder, struct errmsg *em) MUST_CHECK;
void run_folder_free(struct run_folder *f);

/* Where to write the checkpoint of a step before it is committed. */
enum status run_folder_temporary(const char *out, int64_t step, char path[static PATH_BYTES_MAX],
                                 struct errmsg *em) MUST_CHECK;
/*
 * Gives a finished temporary file its name and its sidecar, both durable; then points latest.pt
 * (and best.pt where `best`) at it and removes all but the newest `keep` (at least two) and the
 * links' targets. ST_IO: the checkpoint is not there, earlier ones are; the temporary file is the
 * caller's to remove. Trouble after the checkpoint is safe is a warning.
 */
enum status run_folder_commit_checkpoint(const char *out, const char *temporary, int64_t step,
                                         bool best, int keep, struct errmsg *em) MUST_CHECK;

/*
 * The newest checkpoint that agrees with its hash, or "" where there is none at all. Damaged ones
 * are named in a warning, and set aside as FILE.refused once an older one is found to go on from.
 * ST_DATA: there are checkpoints, and every one is damaged.
 */
enum status run_folder_find_resume(const char *out, char path[static PATH_BYTES_MAX],
                                   struct errmsg *em) MUST_CHECK;
/*
 * Compares a checkpoint (or a symlink to one) with its sidecar. Without a sidecar it warns, and
 * only looks whether the file is a whole zip archive. ST_NOINPUT; ST_DATA damaged; ST_IO.
 */
enum status run_folder_verify(const char *path, struct errmsg *em) MUST_CHECK;

#endif
