/*
 * The learning rate range test: L. N. Smith, "Cyclical learning rates for training neural
 * networks", 2015. Each step raises the rate by a factor, from LR_CURVE_LOWEST to LR_CURVE_HIGHEST.
 * Rates at which the loss falls can train.
 *
 *     struct lr_curve curve;
 *     enum status st = lr_curve_init(&curve, 200, &em);
 *     if (st != ST_OK)
 *         return st;
 *     while (!lr_curve_is_over(&curve))
 *         lr_curve_add(&curve, loss_of_a_step_at(lr_curve_rate(&curve, curve.n)));
 *     struct lr_verdict verdict = lr_curve_judge(&curve, false);
 *     lr_curve_release(&curve);
 *
 * A pure function of the losses: the same result on every rank.
 */
#ifndef BIFRONS_DRIVER_TRAIN_LR_CURVE_H
#define BIFRONS_DRIVER_TRAIN_LR_CURVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define LR_CURVE_LOWEST  1e-6
#define LR_CURVE_HIGHEST 1.0

struct lr_curve {
    int64_t steps;  /* of the whole test, at least 2 */
    int64_t n;      /* steps done; length of losses */
    double *losses; /* finite */
    double least;   /* least smoothed loss so far */
    bool diverged;  /* the loss was not finite, or far above the least one */
};

/* Indices of steps; -1 if the loss did not fall. */
struct lr_verdict {
    int64_t least;     /* step of the least smoothed loss */
    int64_t steepest;  /* an earlier step, at which it falls fastest by log(rate) */
    double suggestion; /* learning rate; 0: none */
};

/* ST_MEMORY. */
enum status lr_curve_init(struct lr_curve *c, int64_t steps, struct errmsg *em) MUST_CHECK;
void lr_curve_release(struct lr_curve *c);
/* The learning rate of a step, 0 … steps - 1. */
double lr_curve_rate(const struct lr_curve *c, int64_t step);
/* Adds the loss of step n, from before its update. A loss that is not finite ends the test and is
 * not kept. */
void lr_curve_add(struct lr_curve *c, double loss);
bool lr_curve_is_over(const struct lr_curve *c);
/* Mean of the losses around a step, over half a decade of rates; fewer at the ends. */
double lr_curve_smoothed(const struct lr_curve *c, int64_t step);
/*
 * Uses steps with losses on both sides. The suggestion is a tenth of the rate of the least loss;
 * for the peak of a cycle, which is held only briefly, that rate itself.
 */
struct lr_verdict lr_curve_judge(const struct lr_curve *c, bool for_peak);

#endif
