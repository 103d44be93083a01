/*
 * bifrons train --find-batch: measures which batch is worth its size (bifrons plan computes which
 * fits). Each trial opens the model again with a micro-batch twice as large, and runs some steps
 * (step.h) whose results are thrown away.
 *
 * It ends when two doublings have not made it faster, before the host's memory is too small
 * (host_memory.h), when an allocation fails (on a GPU), or when the sets have no more pictures.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FIND_BATCH_H
#define BIFRONS_DRIVER_TRAIN_FIND_BATCH_H

#include "session.h"

/*
 * COLLECTIVE. The run must be open, but no stage. Rank 0 writes the result to standard output, as a
 * table or as one JSON object (its keys: docs/tuning.md). Errors: ST_IO; ST_MEMORY if not even one
 * pair fits a rank; ST_INTERRUPTED if it was asked to stop.
 */
enum status find_batch(struct session *s, bool json, struct errmsg *em) MUST_CHECK;

#endif
