/*
 * A small network that estimates a few numbers from a picture, such as how far a head is turned. It
 * is trained on pictures whose numbers are known (the lesson).
 *
 *     struct regressor_lesson lesson = {.n = n, .pictures = pictures, .n_numbers = 2,
 *                                       .numbers = numbers, .sideways = sideways, .seed = 1};
 *     struct regressor *regressor = NULL;
 *     double read[2];
 *     enum status st = regressor_train(&lesson, &regressor, &em);
 *     if (st == ST_OK)
 *         st = regressor_run(regressor, 1, picture, read, &em);
 *     regressor_free(regressor);
 *
 * Four convolutions of stride 2 and a linear layer, trained by Adam with a mean squared error on
 * standardised numbers. Pictures of the lesson are mirrored, moved by a few pixels, and changed in
 * brightness and contrast at random, so that a few hundred are enough. It takes a few seconds.
 *
 * The result depends on the lesson only: it is computed on one thread of the CPU, and draws come
 * from Philox. Pictures are (REGRESSOR_SIDE, REGRESSOR_SIDE, 3), 8 bits.
 *
 * THREADS: one at a time in the whole process, because it sets libtorch's number of threads.
 */
#ifndef BIFRONS_MODEL_REGRESSOR_H
#define BIFRONS_MODEL_REGRESSOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { REGRESSOR_SIDE = 64, REGRESSOR_BYTES = REGRESSOR_SIDE * REGRESSOR_SIDE * 3 };
enum { REGRESSOR_NUMBERS_MAX = 16 };

struct regressor_lesson {
    size_t n;                /* pictures, at least 1 */
    const uint8_t *pictures; /* (n, REGRESSOR_BYTES) */
    size_t n_numbers;        /* at most REGRESSOR_NUMBERS_MAX */
    const double *numbers;   /* (n, n_numbers); NaN: not known */
    const bool *sideways;    /* (n_numbers): the number changes its sign in the mirrored picture */
    uint64_t seed, index;    /* of the draws */
};

struct regressor;

/* ST_MEMORY, ST_TORCH. For a number that is never known or does not vary, regressor_run gives
 * NaN. */
enum status regressor_train(const struct regressor_lesson *lesson, struct regressor **out,
                            struct errmsg *em) MUST_CHECK;
/* numbers: (n, n_numbers). Memory grows with n: about 200 kB a picture. ST_MEMORY, ST_TORCH. */
enum status regressor_run(struct regressor *r, size_t n, const uint8_t *pictures, double *numbers,
                          struct errmsg *em) MUST_CHECK;
void regressor_free(struct regressor *r);

#endif
