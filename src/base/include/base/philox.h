/*
 * Philox4x32-10: a counter-based random generator (Salmon, Moraes, Dror, Shaw: "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011). A draw depends only on (seed, stream, index): the numbers
 * for a position are the same on every rank, in every process and in any order. There is no state
 * to save.
 *
 *     struct philox p = philox_at(seed, PHILOX_AUGMENT_A, position);
 *     float angle = philox_uniform(&p, -10.0f, 10.0f);
 *
 * Every use has its own stream, so that a new use does not change the numbers of the others.
 */
#ifndef BIFRONS_BASE_PHILOX_H
#define BIFRONS_BASE_PHILOX_H

#include <stdint.h>

/* Never renumber: checkpoints and sets promise that the same seed gives the same numbers. */
enum philox_stream {
    PHILOX_ORDER_A = 1, /* order of person A's training pictures; index = pass over the set */
    PHILOX_ORDER_B = 2,
    PHILOX_AUGMENT_A = 3, /* index = position */
    PHILOX_AUGMENT_B = 4,
    PHILOX_INIT = 5,     /* initial weights; index = hash of the tensor's name */
    PHILOX_IDENTITY = 6, /* drawn people; index = person */
    PHILOX_POSE = 7,     /* drawn people; index = picture */
    PHILOX_FAULT = 8,    /* injected faults in tests */
    PHILOX_NOISE_A = 9,  /* noise of augmentation; index = position */
    PHILOX_NOISE_B = 10,
    PHILOX_REGRESSOR = 11, /* model/regressor.h; index = regressor_lesson.index + (step << 32) */
};

/* The next number to draw from one stream at one index. A plain value: copy it freely. */
struct philox {
    uint32_t key[2], counter[4];
    uint32_t block[4];
    unsigned used; /* words of block that have been drawn, 0 to 4 */
};

/* The ten rounds of the generator, for tests against published vectors. */
void philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

struct philox philox_at(uint64_t seed, enum philox_stream stream, uint64_t index);

uint32_t philox_u32(struct philox *p);
uint64_t philox_u64(struct philox *p);
/* Uniform in [0, n) without bias; n > 0. */
uint64_t philox_below(struct philox *p, uint64_t n);
/* Uniform in [low, high], 24 random bits; high itself only by rounding. */
float philox_uniform(struct philox *p, float low, float high);
/* Standard normal, by Box-Muller from two words. */
float philox_normal(struct philox *p);

#endif
