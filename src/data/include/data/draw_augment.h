/*
 * Draws the augmentation of the sample at a position: a pure function of its arguments.
 *
 * From philox_at(seed, PHILOX_AUGMENT_A or _B, position), in the order of the table in
 * draw_augment.c. All are drawn whatever the strengths, so that changing one strength leaves the
 * other draws alone.
 *
 * COURSE. What makes the encoder's input worse than its target (warp, colour jitter, blur, noise)
 * fades: it rises linearly at the start of a run and is off at its end, where the network learns
 * what it will meet. The rest is what a swap meets, too, and stays. Both ends are positions, so
 * neither ranks nor restarts move them.
 *
 * NOISE is drawn here, not where it is added: bytes from Philox, the same on any device. A byte of
 * random bits picks one of 256 equally likely steps of the normal distribution.
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

/* At full strength always. */
#define AUGMENT_NO_COURSE ((struct augment_course){0, 0, UINT64_MAX})

/* The course of a stage of so many pictures a step, from a position to another. */
struct augment_course augment_course_of(const struct augment_config *strength, uint64_t batch,
                                        uint64_t begin, uint64_t end);
/* 0 to 1: the share of its strength that what fades has at a position. */
double augment_fade_at(const struct augment_course *course, uint64_t position);

struct augment_draw augment_draw_at(const struct augment_config *strength,
                                    const struct augment_course *course, uint64_t seed,
                                    enum order_person person, uint64_t position);

/* The first n bytes of the noise of a position. */
void augment_noise_at(uint64_t seed, enum order_person person, uint64_t position, size_t n,
                      uint8_t *out);

#endif
