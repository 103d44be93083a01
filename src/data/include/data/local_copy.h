/*
 * Copies sets to a disk of the node's own, so that a run does not read them over the network.
 *
 *     char copy[PATH_BYTES_MAX];
 *     if (local_rank == 0)      // one process of the node
 *         st = local_copy_make(path, "/local/me", copy, &made, &em);
 *     else                      // the others, once that has returned
 *         made = local_copy_find(path, "/local/me", copy);
 *
 * A copy is named after the original's whole path. A record beside it (COPY.staged) has the
 * original's size, time of change and the XXH3-128 of its bytes. The copy is made again if the
 * original changed, or if the copy is incomplete or has another hash. It stays for the next run:
 * schedulers clear their jobs' folders; elsewhere the user does. Only its owner can read it, and
 * copies of other owners are not used.
 *
 * A failure concerns the copy only: the run can still read the original. A process that ends while
 * it copies leaves a .part file, which the next process takes over.
 */
#ifndef BIFRONS_DATA_LOCAL_COPY_H
#define BIFRONS_DATA_LOCAL_COPY_H

#include "base/file.h"
#include "base/status.h"

/*
 * Makes the copy unless it is there (*made_out: it was made now). Does not wait for other
 * processes. ST_NOINPUT: the original; ST_IO: no room, not writable, or another process is copying
 * it; ST_DATA: the copied bytes do not have the hash in the original's sidecar.
 */
enum status local_copy_make(const char *path, const char *folder,
                            char copy_out[static PATH_BYTES_MAX], bool *made_out,
                            struct errmsg *em) MUST_CHECK;

/* Is there a copy of the current original? Compares sizes and times only. */
bool local_copy_find(const char *path, const char *folder, char copy_out[static PATH_BYTES_MAX]);

#endif
