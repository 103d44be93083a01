/* clang-format off */
/*
 * The learning rate of an update: a pure function, so a resumed run needs no state for it.
 *
 *   constant    lr; with train.warmup_steps, rises linearly to it
 *   one_cycle   rises from lr/25 to lr in the first `warmup` share of the steps, then falls to
 *               lr/250000, both as half a cosine: PyTorch's OneCycleLR with its defaults, max_lr =
 *               lr, pct_start = warmup (Smith and Topin, "Super-convergence", 2017)
 *   cosine      rises linearly to lr in the first `warmup` share, then falls to 0 as half a cosine
 *
 * train.warmup_steps, if not 0, is the length of the rise in steps, for any total.
 */
/* clang-format on */
#ifndef BIFRONS_DRIVER_SCHEDULE_H
#define BIFRONS_DRIVER_SCHEDULE_H

#include <stdint.h>

struct config;

/* step: number of the update, 1 … total_steps, as in model_update; after the end, the rate of the
 * last one. */
double schedule_lr(const struct config *c, int64_t step, int64_t total_steps);

#endif
