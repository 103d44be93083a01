/*
 * data.local_dir: which file each rank reads, the set itself or the copy on its node's disk.
 *
 * One rank of each node copies (data/local_copy.h) while the others wait, which no deadline counts;
 * then each looks whether it sees a copy. Where one cannot be made, or is not to be seen, a line
 * says so and the set itself is read: that all ranks read the same pictures is checked afterwards
 * anyway.
 */
#ifndef BIFRONS_DRIVER_TRAIN_LOCAL_SETS_H
#define BIFRONS_DRIVER_TRAIN_LOCAL_SETS_H

#include "base/file.h"
#include "run.h"

struct local_sets {
    char path[2][PATH_BYTES_MAX]; /* of A's and B's file to open */
};

/* COLLECTIVE. Fails where communication fails, only. */
enum status local_sets_prepare(const struct run *run, struct local_sets *out,
                               struct errmsg *em) MUST_CHECK;

#endif
