/*
 * The short form's folders of pictures, packed into the run folder's data/ before training.
 *
 *     st = folders_pack(run, a, &em); // OUT/data/a.h5, or OUT/data/.new/a.h5 beside an older one
 *     if (st == ST_OK)                // … and all that can be refused has been checked:
 *         st = folders_keep(run, &em); // .new/a.h5 becomes a.h5
 *     folders_release(run);           // or is removed, where the run never began
 *
 * A set that a run was trained on is never replaced: while the run folder has checkpoints, a folder
 * that holds other pictures than OUT/data/a.h5 is refused, and the older set is the one that
 * counts.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FOLDERS_H
#define BIFRONS_DRIVER_TRAIN_FOLDERS_H

#include "run.h"
#include "train_arguments.h"

/*
 * COLLECTIVE. Where data.a or data.b names a folder, rank 0 packs it and every rank's configuration
 * then names the set. A dry run writes nothing: ST_USAGE where packing is needed. ST_CONFIG: the
 * folder is not what the run was trained on; says what changed. Else as pack_folders.
 */
enum status folders_pack(struct run *run, const struct train_arguments *a,
                         struct errmsg *em) MUST_CHECK;
/* Rank 0, once the run begins: newly packed sets take the place of older ones. ST_IO. */
enum status folders_keep(struct run *run, struct errmsg *em) MUST_CHECK;
/* Rank 0: removes newly packed sets that were not kept. */
void folders_release(struct run *run);

#endif
