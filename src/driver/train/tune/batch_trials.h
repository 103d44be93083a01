/*
 * Chooses a batch from trials with a doubling batch: the speed and memory of each.
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

enum { BATCH_TRIALS_MAX = 40 }; /* more pairs than any set has */

struct batch_trial {
    int64_t pairs; /* pictures of each person in a micro-batch of a rank */
    double images_per_s, step_s;
    double peak; /* bytes of the rank with most, of the host or the GPU */
};

struct batch_trials {
    struct batch_trial list[BATCH_TRIALS_MAX]; /* pairs double with each trial */
    size_t n;
};

int64_t batch_trials_next(const struct batch_trials *t);
/* How many more bytes the next trial may take than the latest: the larger of the measured and the
 * planned growth, and a margin. */
double batch_trials_growth(const struct batch_trials *t, double planned);
enum batch_end { BATCH_GOES_ON, BATCH_PICTURES, BATCH_SPEED };
/*
 * Decides if there is another trial. BATCH_PICTURES: it would need more pairs than a rank's share
 * of the pictures; checked first, because measured speeds vary. It also ends if doubling twice has
 * not made it faster.
 */
enum batch_end batch_trials_end(const struct batch_trials *t, int64_t pairs_most);
/* The smallest trial that is about as fast as the fastest; n > 0. */
size_t batch_trials_best(const struct batch_trials *t);

#endif
