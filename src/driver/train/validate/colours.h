/* The average colours of a person's pictures, for colour transfer. */
#ifndef BIFRONS_DRIVER_TRAIN_COLOURS_H
#define BIFRONS_DRIVER_TRAIN_COLOURS_H

#include "base/augment_draw.h"
#include "data/order.h"
#include "data/set.h"

/*
 * Mean and deviation of each channel over the training pictures; if `masks`, inside their masks.
 * From a large set it uses at most this many pictures, evenly spaced. Depends only on the set and
 * its split. Errors: ST_IO, ST_DATA, ST_MEMORY.
 */
enum { COLOURS_PICTURES_MAX = 512, COLOURS_LAB_PICTURES_MAX = 64 };
enum status colours_measure(struct set *set, const struct order *order, bool masks,
                            enum augment_space space, struct augment_colours *out,
                            struct errmsg *em) MUST_CHECK;

#endif
