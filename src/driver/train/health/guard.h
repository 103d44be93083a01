/*
 * The guard against steps that would spoil the model: which step is left out, when to go back, and
 * when to give up.
 *
 * It judges the loss that all ranks got from the same vote, so every rank comes to the same verdict
 * without asking. A step is bad where its loss or its gradient is not finite, or where its loss
 * stands out above the window of good ones before it:
 *
 *     loss > median + guard.spike * max(1.4826 * MAD, 0.05 * median)
 *
 * MAD: the median of the distances from the median (Hampel's identifier). Bad losses never enter
 * the window, so that neither a NaN nor a spike can poison it.
 *
 *     enum guard_verdict verdict = guard_judge(&state.guard, &config.guard, loss, is_finite);
 *     if (verdict == GUARD_GO_BACK && guard_may_go_back(&state.guard, &config.guard)) {
 *         struct guard now = state.guard;
 *         state = saved;                        // the guard's state with it
 *         guard_go_back(&state.guard, &now, &config.guard);
 *     }
 */
#ifndef BIFRONS_DRIVER_TRAIN_GUARD_H
#define BIFRONS_DRIVER_TRAIN_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum { GUARD_WINDOW = 64, GUARD_WINDOW_MIN = 16 };

/* Plain data: saved in every checkpoint, the same on every rank. */
struct guard {
    double window[GUARD_WINDOW]; /* the latest good losses, a ring */
    int32_t n, next;
    int32_t bad_in_a_row;
    int32_t rollbacks; /* of the whole run */
    int64_t skipped;   /* steps left out, of the whole run */
    double lr_scale;   /* learning rate's factor */
};

enum guard_verdict {
    GUARD_GOOD,
    GUARD_SKIP,    /* leave this step out */
    GUARD_GO_BACK, /* and go back to the last good state: guard.patience of them in a row */
};

void guard_init(struct guard *g);
/* Forgets the losses seen: for a resume that changes what a loss is. */
void guard_forget_losses(struct guard *g);
/* The verdict on a step. */
enum guard_verdict guard_judge(struct guard *g, const struct config_guard *c, double loss,
                               bool finite_gradient);
/* The loss above which a step is bad now; INFINITY where there is no such limit yet. */
double guard_limit(const struct guard *g, const struct config_guard *c);
/* May the run go back once more? */
bool guard_may_go_back(const struct guard *g, const struct config_guard *c);
/* `now` is the guard before the state was set back, g the one that came back with it: what the run
 * has learned stays, and the learning rate is lowered. */
void guard_go_back(struct guard *g, const struct guard *now, const struct config_guard *c);

#endif
