/* The short form's folders of pictures: packed into the run folder's data/ before training. */
#ifndef BIFRONS_DRIVER_TRAIN_FOLDERS_H
#define BIFRONS_DRIVER_TRAIN_FOLDERS_H

#include "session.h"
#include "train_arguments.h"

/*
 * COLLECTIVE. Where data.a or data.b names a folder, rank 0 packs it into OUT/data/{a,b}.h5 (kept
 * while the folder's pictures are unchanged) and every rank's config then names that file. In a dry
 * run nothing is written and a folder is refused.
 */
enum status folders_pack(struct session *s, const struct train_arguments *a,
                         struct errmsg *em) MUST_CHECK;

#endif
