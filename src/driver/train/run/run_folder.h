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
 *     enum status st = run_folder_open(out, continues, &folder, &em);
 *     if (st != ST_OK)
 *         return st;
 *     st = run_folder_begin(folder, config_toml, &em);
 *     if (st == ST_OK)
 *         st = run_folder_temporary(out, step, temporary, &em);
 *     if (st == ST_OK)
 *         st = write_checkpoint(temporary, &hash);
 *     if (st == ST_OK)
 *         st = run_folder_commit_checkpoint(out, temporary, hash, step, best, keep, &em);
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
#include "base/hash.h"
#include "base/status.h"

struct run_folder; /* the lock, for as long as this process lives and holds it */

/*
 * Makes the folder where it is not there, and takes its lock. ST_USAGE: another process holds it,
 * or it has checkpoints and the run does not go on with them. ST_IO: it cannot be written.
 */
enum status run_folder_open(const char *out, bool continues, struct run_folder **folder,
                            struct errmsg *em) MUST_CHECK;
/* Would run_folder_open do it? The same statuses; changes nothing. */
enum status run_folder_check(const char *out, bool continues, struct errmsg *em) MUST_CHECK;
/*
 * Once it is certain that the run will start: removes what a killed run left unfinished, makes the
 * inner folders and writes the resolved configuration. ST_IO.
 */
enum status run_folder_begin(struct run_folder *f, const char *config_toml,
                             struct errmsg *em) MUST_CHECK;
/* Gives the lock back. A run that never began leaves nothing of its own behind. */
void run_folder_free(struct run_folder *f);

/* The step of the newest checkpoint; -1 where there is none. ST_IO: unreadable. */
enum status run_folder_newest(const char *out, int64_t *step_out, struct errmsg *em) MUST_CHECK;
/* The checkpoint of a step. ST_IO: too long. */
enum status run_folder_checkpoint(const char *out, int64_t step, char path[static PATH_BYTES_MAX],
                                  struct errmsg *em) MUST_CHECK;
/* The newest checkpoint of a step below `limit`; step -1 and path "" where there is none. ST_IO. */
enum status run_folder_older(const char *out, int64_t limit, int64_t *step_out,
                             char path[static PATH_BYTES_MAX], struct errmsg *em) MUST_CHECK;
/* Where to write the checkpoint of a step before it is committed. */
enum status run_folder_temporary(const char *out, int64_t step, char path[static PATH_BYTES_MAX],
                                 struct errmsg *em) MUST_CHECK;
/*
 * Gives a finished temporary file with this hash its name and its sidecar, both durable; then
 * points latest.pt (and best.pt where `best`) at it and removes all but the newest `keep` (at least
 * two) and the links' targets. ST_IO: the checkpoint is not there, earlier ones are; the temporary
 * file is the caller's to remove. Trouble after the checkpoint is safe is a warning.
 */
enum status run_folder_commit_checkpoint(const char *out, const char *temporary,
                                         struct hash128 hash, int64_t step, bool best, int keep,
                                         struct errmsg *em) MUST_CHECK;

/* Does this checkpoint, named after this step, do? ST_OK, or why not; *final where the reason lies
 * elsewhere, so that no older one is to be taken in its place. */
typedef enum status run_folder_accept(void *ctx, const char *path, int64_t step, bool *final,
                                      struct errmsg *em);
/*
 * The newest checkpoint that agrees with its hash and that `accept` takes (NULL: takes
 * any), or "" where there is none at all. Refused ones are named in a warning with the reason; no
 * file is touched. Where every one is refused: the status and reason of the newest. ST_MEMORY and
 * ST_IO say nothing about a file and end the search, as does a reason that is final.
 */
enum status run_folder_find_resume(const char *out, run_folder_accept *accept, void *ctx,
                                   char path[static PATH_BYTES_MAX], struct errmsg *em) MUST_CHECK;
/*
 * Renames the checkpoints of later steps than the one a run goes on from to FILE.refused, so that
 * they are neither tried again nor counted as kept; links to them then lead to this one.
 */
void run_folder_set_aside(const char *out, int64_t good);
/* Is there a best.pt? */
bool run_folder_has_best(const char *out);
/*
 * Points latest.pt and best.pt at the checkpoints of these steps: a run that was killed may have
 * been so between naming a checkpoint and linking to it. best.pt stays where that one is not there.
 */
void run_folder_relink(const char *out, int64_t latest, int64_t best);
/*
 * Compares a checkpoint (or a symlink to one) with its sidecar. Without a sidecar it warns, and
 * only looks whether the file is a whole zip archive. ST_NOINPUT; ST_DATA damaged; ST_IO.
 */
enum status run_folder_verify(const char *path, struct errmsg *em) MUST_CHECK;

#endif
