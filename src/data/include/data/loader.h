/*
 * Fills the batch of one rank: for both people, the pictures and masks at a range of positions and
 * their augmentation. The positions decide everything; the loader has no state that matters.
 *
 *     enum status st = loader_fill(l, first_position, n, &batch, &em);     // not collective
 *
 * Pictures of a set whose size differs from the wanted one are resized on the way, as
 * picture_resize does it.
 */
#ifndef BIFRONS_DATA_LOADER_H
#define BIFRONS_DATA_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "base/batch.h"
#include "base/status.h"
#include "data/draw_augment.h"
#include "data/order.h"
#include "data/pose.h"
#include "data/priority.h"
#include "data/set.h"

struct loader_source {
    struct set *set;     /* borrowed */
    struct order *order; /* borrowed */
};

struct loader;
enum status loader_new(const struct loader_source source[2], const struct augment_config *strength,
                       uint64_t seed, struct loader **out, struct errmsg *em) MUST_CHECK;
void loader_free(struct loader *l);
/* The course of augmentation from here on; AUGMENT_NO_COURSE before. */
void loader_set_course(struct loader *l, const struct augment_course *course);
/* Which pixels count more; none before. */
void loader_set_priority(struct loader *l, const struct priority *p);

/* How A's and B's points become z (data/pose.h), which a batch with BATCH_POSE needs; copied. */
void loader_set_pose(struct loader *l, const struct pose_scale scales[2]);

/* Training samples at positions [first, first + n) of both people, with their draws: those arrays
 * of the batch that are there. Priorities are of sets with landmarks, z of sets with points. */
enum status loader_fill(struct loader *l, uint64_t first, size_t n, struct batch *b,
                        struct errmsg *em) MUST_CHECK;
/* Given rows of each set (rows may be NULL for a person to leave it out), draws = AUGMENT_NONE. */
enum status loader_fill_rows(struct loader *l, const int64_t *rows_a, const int64_t *rows_b,
                             size_t n, struct batch *b, struct errmsg *em) MUST_CHECK;

#endif
