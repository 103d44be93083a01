/*
 * Draws the augmentation of the sample at a position: a pure function of its arguments (Philox
 * streams PHILOX_AUGMENT_*). Warp control points are drawn for the whole grid, their displacement
 * normal and cut at two standard deviations; the border points move too.
 */
#ifndef BIFRONS_DATA_AUGMENT_H
#define BIFRONS_DATA_AUGMENT_H

#include <stdint.h>

#include "base/augment.h"
#include "data/order.h"

struct augment_draw augment_draw_at(const struct augment_config *strength, uint64_t seed,
                                    enum order_person person, uint64_t position);

#endif
