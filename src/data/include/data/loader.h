/*
 * Fills the batch of one rank: pictures, masks and augmentation draws of both people at a range of
 * positions. The positions decide everything: a batch does not depend on what was loaded before.
 *
 *     enum status st = loader_fill(l, first_position, n, &batch, &em);     // not collective
 *
 * If a set's size is not the batch's, its pictures are resized by picture_resize.
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
/* Sets the course of augmentation for later fills; first it is AUGMENT_NO_COURSE. */
void loader_set_course(struct loader *l, const struct augment_course *course);
/* Sets which pixels count more; first none does. */
void loader_set_priority(struct loader *l, const struct priority *p);

/* The scales of A's and B's pose codes z (data/pose.h), copied; needed for a batch with
 * BATCH_POSE. */
void loader_set_pose(struct loader *l, const struct pose_scale scales[2]);

/* Loads the training samples of both people at positions [first, first + n), with their draws, into
 * those arrays that the batch has. Priorities need sets with landmarks, z sets with points. */
enum status loader_fill(struct loader *l, uint64_t first, size_t n, struct batch *b,
                        struct errmsg *em) MUST_CHECK;
/* Loads given rows of each set, without augmentation (AUGMENT_NONE). rows NULL: without that
 * person. */
enum status loader_fill_rows(struct loader *l, const int64_t *rows_a, const int64_t *rows_b,
                             size_t n, struct batch *b, struct errmsg *em) MUST_CHECK;

#endif
