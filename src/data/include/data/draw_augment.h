/*
 * Draws the augmentation of the sample at a position. The draws depend on the arguments only.
 *
 * The numbers come from philox_at(seed, PHILOX_AUGMENT_A or _B, position), in the order of the
 * table in draw_augment.c. Each is drawn even at strength 0, so changing one strength leaves the
 * other draws alone.
 *
 * COURSE. Augmentation that makes the encoder's input worse than its target (warp, colour jitter,
 * blur, noise) fades: it rises linearly at the start of a run and is off at its end, so that the
 * network finally learns from undamaged pictures, which it will get later. The other kinds stay on,
 * because a swap meets them, too. Both ends are positions, so they do not depend on ranks or
 * restarts.
 *
 * NOISE is drawn here as bytes from Philox, so it is the same on any device. Each random byte picks
 * one of 256 equally likely values of the normal distribution.
 */
#ifndef BIFRONS_DATA_DRAW_AUGMENT_H
#define BIFRONS_DATA_DRAW_AUGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/augment_draw.h"
#include "data/order.h"

struct augment_course {
    uint64_t begin, full_from, off_from; /* positions */
};

/* Always full strength. */
#define AUGMENT_NO_COURSE ((struct augment_course){0, 0, UINT64_MAX})

/* The course from position begin to end, with `batch` pictures of each person a step. */
struct augment_course augment_course_of(const struct augment_config *strength, uint64_t batch,
                                        uint64_t begin, uint64_t end);
/* The factor, 0 to 1, of the strengths that fade, at a position. */
double augment_fade_at(const struct augment_course *course, uint64_t position);

struct augment_draw augment_draw_at(const struct augment_config *strength,
                                    const struct augment_course *course, uint64_t seed,
                                    enum order_person person, uint64_t position);

/* The first n bytes of the noise at a position. */
void augment_noise_at(uint64_t seed, enum order_person person, uint64_t position, size_t n,
                      uint8_t *out);

#endif
