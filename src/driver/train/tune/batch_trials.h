/*
 * Which batch to train with, by trials of one that doubles: how many pictures a second, and how
 * much memory, each took.
 *
 *     while (batch_trials_end(&t, pairs_there_are) == BATCH_GOES_ON &&
 *            batch_trials_growth(&t, planned) < available)
 *         t.list[t.n++] = try_batch(batch_trials_next(&t));
 *     int64_t suggested = t.list[batch_trials_best(&t)].pairs;
 *
 * A pure function of the trials.
 */
#ifndef BIFRONS_DRIVER_TRAIN_BATCH_TRIALS_H
#define BIFRONS_DRIVER_TRAIN_BATCH_TRIALS_H

#include <stddef.h>
#include <stdint.h>

enum { BATCH_TRIALS_MAX = 40 }; /* by then more pairs than any set has */

struct batch_trial {
    int64_t pairs; /* pictures of each person a rank and micro-batch */
    double images_per_s, step_s;
    double peak; /* bytes of the rank that has taken most so far: host's, or GPU's */
};

struct batch_trials {
    struct batch_trial list[BATCH_TRIALS_MAX]; /* pairs double from one to the next */
    size_t n;
};

int64_t batch_trials_next(const struct batch_trials *t);
/* Bytes that the next trial may take more than the latest: by what doubling has taken before or is
 * planned to, whichever is more, and some more. */
double batch_trials_growth(const struct batch_trials *t, double planned);
enum batch_end { BATCH_GOES_ON, BATCH_PICTURES, BATCH_SPEED };
/*
 * Is there another trial? Not of more pairs than a rank's share of the pictures (BATCH_PICTURES,
 * also where speed would end it: that is measured, and not the same each time), and not where
 * doubling twice has made no difference to speed.
 */
enum batch_end batch_trials_end(const struct batch_trials *t, int64_t pairs_most);
/* The smallest that is about as fast as the fastest; n > 0. */
size_t batch_trials_best(const struct batch_trials *t);

#endif
