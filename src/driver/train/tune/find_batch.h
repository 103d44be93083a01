/*
 * bifrons train --find-batch: how large a batch pays, measured (bifrons plan computes what fits).
 * Each trial opens the model anew for a micro-batch twice as large as the last one's and takes some
 * steps (step.h) that are thrown away.
 *
 * It ends where two doublings have made it no faster, before the host's memory would not do
 * (host_memory.h), where an allocation fails (on a GPU, say), or where the sets have no more
 * pictures.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FIND_BATCH_H
#define BIFRONS_DRIVER_TRAIN_FIND_BATCH_H

#include "session.h"

/*
 * COLLECTIVE. With the run open and no stage of it. Rank 0 writes the result to standard output,
 * as a table or as one JSON object (docs/tuning.md tells its keys): ST_IO. ST_MEMORY where not even
 * one pair a rank fits; ST_INTERRUPTED where it was asked to stop.
 */
enum status find_batch(struct session *s, bool json, struct errmsg *em) MUST_CHECK;

#endif
