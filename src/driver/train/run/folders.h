/*
 * Packs the picture folders of the short form into data/ of the run folder, before training.
 *
 *     st = folders_pack(run, a, &em); // OUT/data/a.h5, or OUT/data/.new/a.h5 next to an older one
 *     if (st == ST_OK)                // when nothing more can be refused:
 *         st = folders_keep(run, &em); // .new/a.h5 becomes a.h5
 *     folders_release(run);           // removes .new/a.h5 if the run did not begin
 *
 * A set that a run was trained on is never replaced: while the run folder has checkpoints, a folder
 * with other pictures than OUT/data/a.h5 is refused, and the run uses the older set.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FOLDERS_H
#define BIFRONS_DRIVER_TRAIN_FOLDERS_H

#include "run.h"
#include "train_arguments.h"

/*
 * COLLECTIVE. If data.a or data.b names a folder, rank 0 packs it; then the configuration of every
 * rank names the set. A dry run writes nothing: ST_USAGE if packing is needed. ST_CONFIG: the run
 * was trained on other pictures; the message says what changed. Other errors as pack_folders.
 */
enum status folders_pack(struct run *run, const struct train_arguments *a,
                         struct errmsg *em) MUST_CHECK;
/* Rank 0, when the run begins: replaces older sets by the newly packed ones. Errors: ST_IO. */
enum status folders_keep(struct run *run, struct errmsg *em) MUST_CHECK;
/* Rank 0: removes newly packed sets that were not kept. */
void folders_release(struct run *run);

#endif
