/* What a person's pictures look like on average: the two ends of colour transfer. */
#ifndef BIFRONS_DRIVER_TRAIN_COLOURS_H
#define BIFRONS_DRIVER_TRAIN_COLOURS_H

#include "base/augment_draw.h"
#include "data/order.h"
#include "data/set.h"

/*
 * Mean and deviation of each channel over the training pictures, inside their masks where
 * `masks`. Of a large set so many pictures, evenly spaced, stand for all. A function of the set and
 * its split alone. ST_IO, ST_DATA, ST_MEMORY.
 */
enum { COLOURS_PICTURES_MAX = 512, COLOURS_LAB_PICTURES_MAX = 64 };
enum status colours_measure(struct set *set, const struct order *order, bool masks,
                            enum augment_space space, struct augment_colours *out,
                            struct errmsg *em) MUST_CHECK;

#endif
