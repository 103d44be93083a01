/*
 * Zeroed memory shared by the ranks of a node. A rank can read what another rank wrote even if that
 * rank hangs. No file is left after opening (shared_file.h).
 */
#ifndef BIFRONS_COMM_SHARED_MEMORY_H
#define BIFRONS_COMM_SHARED_MEMORY_H

#include "comm_priv.h"

/*
 * COLLECTIVE. Ranks of a node (comm_place_same_node) share the memory. A full /dev/shm is not a
 * failure: *out is then NULL on some or all ranks of that node.
 */
enum status shared_memory_open(struct comm *c, const char *purpose, size_t bytes, void **out,
                               struct errmsg *em) MUST_CHECK;
void shared_memory_close(void *memory, size_t bytes);

#endif
