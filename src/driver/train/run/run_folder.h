/*
 * The folder of a run, on rank 0.
 *
 *     OUT/.lock                         held while a run uses the folder: host, process
 *     OUT/config.resolved.toml
 *     OUT/previews/
 *     OUT/checkpoints/step-%010d.pt     immutable, each with
 *     OUT/checkpoints/step-%010d.pt.xxh3    its XXH3-128, as `xxhsum -H128` prints it
 *     OUT/checkpoints/latest.pt, best.pt    relative symlinks to two of them
 *
 *     struct run_folder *folder;
 *     enum status st = run_folder_open(out, continues, 0, &folder, &em);
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
 * A sidecar is on disk before its checkpoint gets its name, so every checkpoint can be checked. A
 * run that is killed leaves the earlier checkpoints complete, and perhaps temporary files, which
 * the next run removes.
 */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_FOLDER_H
#define BIFRONS_DRIVER_TRAIN_RUN_FOLDER_H

#include <stdint.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"

struct run_folder; /* holds the lock; the lock ends with this process */

/*
 * Makes the folder if needed, and takes its lock. If another process holds the lock, tries again
 * for wait_s seconds, with a warning. ST_USAGE: another process still holds it, or the folder has
 * checkpoints and the run does not continue them. ST_IO: it cannot be written.
 */
enum status run_folder_open(const char *out, bool continues, double wait_s,
                            struct run_folder **folder, struct errmsg *em) MUST_CHECK;
/* Checks what run_folder_open would return without waiting; changes nothing. */
enum status run_folder_check(const char *out, bool continues, struct errmsg *em) MUST_CHECK;
/*
 * Call it when it is certain that the run will start: removes unfinished files of a killed run,
 * makes the inner folders and writes the resolved configuration. Errors: ST_IO.
 */
enum status run_folder_begin(struct run_folder *f, const char *config_toml,
                             struct errmsg *em) MUST_CHECK;
/* Removes unfinished files of a killed run; run_folder_begin does so, too. Call it while the folder
 * is locked. */
void run_folder_clean(const char *out);
/* Releases the lock. If the run never began, removes what it made. */
void run_folder_free(struct run_folder *f);

/* The step of the newest checkpoint; -1 if there is none. ST_IO: unreadable. */
enum status run_folder_newest(const char *out, int64_t *step_out, struct errmsg *em) MUST_CHECK;
/* The checkpoint of a step. ST_IO: too long. */
enum status run_folder_checkpoint(const char *out, int64_t step, char path[static PATH_BYTES_MAX],
                                  struct errmsg *em) MUST_CHECK;
/* The newest checkpoint before step `limit`; step -1 and path "" if there is none. Errors:
 * ST_IO. */
enum status run_folder_older(const char *out, int64_t limit, int64_t *step_out,
                             char path[static PATH_BYTES_MAX], struct errmsg *em) MUST_CHECK;
/* Where to write the checkpoint of a step before it is committed. */
enum status run_folder_temporary(const char *out, int64_t step, char path[static PATH_BYTES_MAX],
                                 struct errmsg *em) MUST_CHECK;
/*
 * Gives a finished temporary file with this hash its name and its sidecar, both durably. Then
 * points latest.pt (and, if `best`, best.pt) at it and removes older checkpoints except the newest
 * `keep` (at least two) and the targets of the links. ST_IO: the checkpoint was not saved, earlier
 * ones are unchanged; the caller removes the temporary file. An error after the checkpoint is safe
 * is only a warning.
 */
enum status run_folder_commit_checkpoint(const char *out, const char *temporary,
                                         struct hash128 hash, int64_t step, bool best, int keep,
                                         struct errmsg *em) MUST_CHECK;

/* Decides whether a checkpoint, named after this step, is accepted: ST_OK, or the reason against
 * it. *final: the reason is not in the file, so do not try an older one. */
typedef enum status run_folder_accept(void *ctx, const char *path, int64_t step, bool *final,
                                      struct errmsg *em);
/*
 * Finds the newest checkpoint that matches its hash and that `accept` accepts (NULL: any), or "" if
 * there are no checkpoints. Warns of each refused one with the reason; changes no file. If all are
 * refused, returns the status and reason of the newest. ST_MEMORY, ST_IO and a final reason end the
 * search.
 */
enum status run_folder_find_resume(const char *out, run_folder_accept *accept, void *ctx,
                                   char path[static PATH_BYTES_MAX], struct errmsg *em) MUST_CHECK;
/*
 * Renames checkpoints after step `good`, from which the run resumes, to FILE.refused. So they are
 * not tried again and not counted as kept. Links to them then point at step `good`.
 */
void run_folder_set_aside(const char *out, int64_t good);
/* True if there is a best.pt. */
bool run_folder_has_best(const char *out);
/*
 * Points latest.pt and best.pt at the checkpoints of these steps: a run may have been killed after
 * naming a checkpoint and before linking to it. best.pt is unchanged if its checkpoint is missing.
 */
void run_folder_relink(const char *out, int64_t latest, int64_t best);
/*
 * Compares a checkpoint (or a symlink to one) with its sidecar. Without a sidecar it warns and only
 * checks that the file is a complete zip archive. ST_NOINPUT; ST_DATA damaged; ST_IO.
 */
enum status run_folder_verify(const char *path, struct errmsg *em) MUST_CHECK;

#endif
