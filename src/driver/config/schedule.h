/*
 * The learning rate of an update: a pure function, so that a resumed run has it without state.
 *
 *   constant    lr; over train.warmup_steps linearly up to it
 *   one_cycle   from lr/25 up to lr in the first `warmup` share of the steps, then down to
 * lr/250000, both along half a cosine: PyTorch's OneCycleLR with its defaults (Smith and Topin,
 *               "Super-convergence", 2017), max_lr = lr, pct_start = warmup
 *   cosine      linearly up to lr in the first `warmup` share, then along half a cosine towards 0
 *
 * train.warmup_steps, where it is not 0, is the length of the rise in steps, whatever the total.
 */
#ifndef BIFRONS_DRIVER_SCHEDULE_H
#define BIFRONS_DRIVER_SCHEDULE_H

#include <stdint.h>

struct config;

/* Of update number step, 1 … total_steps, as model_update counts; beyond the end, the last one's.
 */
double schedule_lr(const struct config *c, int64_t step, int64_t total_steps);

#endif
