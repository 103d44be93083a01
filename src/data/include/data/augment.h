/*
 * Draws the augmentation of the sample at a position: a pure function of its arguments.
 *
 * From philox_at(seed, PHILOX_AUGMENT_A or _B, position), in this order: flip, rotate, zoom,
 * shift_x, shift_y (uniform), warp[y][x][0], warp[y][x][1] for each control point (normal, cut at
 * two standard deviations), colour_transfer (0 or 1), gain[0..2], offset[0..2] (uniform),
 * surroundings, back_translation. All are drawn whatever the strengths, so that changing one
 * strength leaves the other draws alone.
 */
#ifndef BIFRONS_DATA_AUGMENT_H
#define BIFRONS_DATA_AUGMENT_H

#include <stdint.h>

#include "base/augment.h"
#include "data/order.h"

struct augment_draw augment_draw_at(const struct augment_config *strength, uint64_t seed,
                                    enum order_person person, uint64_t position);

#endif
