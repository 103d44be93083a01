/*
 * Memory that the ranks of a host share, zeroed, of which no file is left once it is open: readable
 * without a message, so also while the rank that it tells of hangs.
 */
#ifndef BIFRONS_COMM_SHARED_MEMORY_H
#define BIFRONS_COMM_SHARED_MEMORY_H

#include "comm_priv.h"

/*
 * COLLECTIVE. Ranks share it whose host's name is the same. Not to be had (no room in /dev/shm) is
 * no failure: *out is then NULL on some ranks of that host, or on all.
 */
enum status shared_memory_open(struct comm *c, const char *purpose, size_t bytes, void **out,
                               struct errmsg *em) MUST_CHECK;
void shared_memory_close(void *memory, size_t bytes);

#endif
