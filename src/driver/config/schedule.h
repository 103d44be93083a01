/*
 * The learning rate of an update: a pure function, so a resumed run needs no state for it.
 *
 *   constant    lr; over train.warmup_steps linearly up to it
 *   one_cycle   from lr/25 up to lr in the first `warmup` share of the steps, then down to
 * lr/250000, both along half a cosine: PyTorch's OneCycleLR with its defaults (Smith and Topin,
 *               "Super-convergence", 2017), max_lr = lr, pct_start = warmup
 *   cosine      linearly up to lr in the first `warmup` share, then along half a cosine towards 0
 *
 * train.warmup_steps, if not 0, is the length of the rise in steps, for any total.
 */
#ifndef BIFRONS_DRIVER_SCHEDULE_H
#define BIFRONS_DRIVER_SCHEDULE_H

#include <stdint.h>

struct config;

/* step: number of the update, 1 … total_steps, as in model_update; after the end, the rate of the
 * last one. */
double schedule_lr(const struct config *c, int64_t step, int64_t total_steps);

#endif
