/*
 * data.local_dir: which file each rank reads, the set itself or the copy on its node's disk.
 *
 * One rank of each node copies (data/local_copy.h) while the others wait without a deadline; then
 * each rank checks whether it sees the copy. If it cannot be made or seen, a log line says so and
 * the rank reads the set itself. A later check makes sure that all ranks read the same pictures.
 */
#ifndef BIFRONS_DRIVER_TRAIN_LOCAL_SETS_H
#define BIFRONS_DRIVER_TRAIN_LOCAL_SETS_H

#include "base/file.h"
#include "run.h"

struct local_sets {
    char path[2][PATH_BYTES_MAX]; /* of A's and B's file to open */
};

/* COLLECTIVE. Fails only if communication fails; otherwise at least the set itself is read. */
enum status local_sets_prepare(const struct run *run, struct local_sets *out,
                               struct errmsg *em) MUST_CHECK;

#endif
