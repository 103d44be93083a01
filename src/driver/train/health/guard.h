/*
 * The guard against steps that would spoil the model: which steps are skipped, when the run goes
 * back, and when it gives up.
 *
 * It checks the loss that all ranks got from the same vote, so its verdict is the same on every
 * rank. A step is bad if its loss or gradient is not finite, or if its loss is far above the window
 * of good losses before it:
 *
 *     loss > median + guard.spike * max(1.4826 * MAD, 0.05 * median)
 *
 * MAD: the median of the distances from the median (Hampel's identifier). Bad losses never enter
 * the window.
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
    int64_t skipped;   /* skipped steps of the whole run */
    double lr_scale;   /* factor of the learning rate */
};

enum guard_verdict {
    GUARD_GOOD,
    GUARD_SKIP,    /* skip this step */
    GUARD_GO_BACK, /* go back to the last good state: guard.patience bad steps in a row */
};

void guard_init(struct guard *g);
/* Forgets the losses seen: for a resume that changes what a loss is. */
void guard_forget_losses(struct guard *g);
/* The verdict on a step. */
enum guard_verdict guard_judge(struct guard *g, const struct config_guard *c, double loss,
                               bool finite_gradient);
/* The loss above which the next step is bad; INFINITY if there is no limit yet. */
double guard_limit(const struct guard *g, const struct config_guard *c);
/* True if the run may go back once more. */
bool guard_may_go_back(const struct guard *g, const struct config_guard *c);
/* Call it after the state was set back. g: the guard of the earlier state; now: the guard before
 * going back, whose counts stay. Lowers the learning rate. */
void guard_go_back(struct guard *g, const struct guard *now, const struct config_guard *c);

#endif
