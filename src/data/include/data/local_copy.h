/*
 * Copies of sets on a disk of the node's own, so that a run reads them there and not over the
 * network.
 *
 *     char copy[PATH_BYTES_MAX];
 *     if (local_rank == 0)      // one process of the node
 *         st = local_copy_make(path, "/local/me", copy, &made, &em);
 *     else                      // the others, once that has returned
 *         made = local_copy_find(path, "/local/me", copy);
 *
 * A copy is named after the original's whole path; a record beside it (COPY.staged) holds the
 * original's size, time of change and the XXH3-128 of its bytes. The copy is made anew when the
 * original has changed, when it is not whole, or when its bytes do not have that hash. It stays
 * for the next run: a scheduler clears its jobs' folders, and elsewhere the user does. It is
 * readable by its owner only, whatever the original was, and those of other owners are not used.
 *
 * Any failure is one of the copy, not of the run, which can read the original. A process that ends
 * while it copies leaves a .part behind, which the next one takes over.
 */
#ifndef BIFRONS_DATA_LOCAL_COPY_H
#define BIFRONS_DATA_LOCAL_COPY_H

#include "base/file.h"
#include "base/status.h"

/*
 * Makes the copy, or finds that it is there already (*made_out). Waits for no other process.
 * ST_NOINPUT the original; ST_IO no room, not writable, or another process copies it right now;
 * ST_DATA what was copied has not the hash in the original's sidecar.
 */
enum status local_copy_make(const char *path, const char *folder,
                            char copy_out[static PATH_BYTES_MAX], bool *made_out,
                            struct errmsg *em) MUST_CHECK;

/* Is there a copy of the original as it is now? Looks at sizes and times alone. */
bool local_copy_find(const char *path, const char *folder, char copy_out[static PATH_BYTES_MAX]);

#endif
