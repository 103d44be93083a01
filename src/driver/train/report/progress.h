/*
 * The progress line:
 *
 *   epoch 3/50  step 372/6250  loss 0.0412 (A 0.0210 B 0.0202)  val 0.0433 (L1 recon 0.0391 swap
 *   0.0577)  193 images/s  data 0.4 %  2 min 10 s left                        (on one line)
 *
 * With train.stages it begins with the stage: "stage 2 of 3, 256 px epoch 1/10 …". It then gives
 * the time left of the stage and of the run: "4 min 10 s left in this stage, about 31 min in all".
 * Later stages are not measured yet: options.steps_to_come gives their length in steps of this
 * stage.
 *
 * With log.faces it also has the identity of swaps of A's and of B's pictures, as "identity
 * 0.97/1.01": 1 is the other person. On a GPU it has the peak memory of tensors, as "3.2 GiB".
 *
 * On a terminal the line is redrawn in place; elsewhere (a batch job's log file) a plain line is
 * logged every every_s seconds. Rates are moving averages with a half-life of twenty seconds. Time
 * left = steps left x (time of a step + mean pause per step). Pauses are the work between steps:
 * validation, previews.
 *
 *     progress_init(&p, &options);
 *     for (int64_t step = 1; step <= options.total_steps; step++) {
 *         progress_step(&p, &(struct progress_update){.step = step, .losses = losses});
 *         if (step % steps_per_epoch == 0) {
 *             progress_pause(&p);
 *             progress_set_val(&p, &val);
 *             progress_continue(&p);
 *         }
 *     }
 *     progress_finish(&p);
 *
 * Ranks above 0 show nothing, because their log is silent. One thread at a time. Nothing here can
 * fail.
 */
#ifndef BIFRONS_DRIVER_PROGRESS_H
#define BIFRONS_DRIVER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

enum { PROGRESS_LINE_BYTES = 320, PROGRESS_STAGE_BYTES = 64 };

struct progress_options {
    char stage[PROGRESS_STAGE_BYTES]; /* "stage 2 of 3, 256 px"; "": none */
    double steps_to_come;             /* of later stages, in steps of this one; 0: none */
    int64_t epochs, total_steps;      /* to be reached */
    int64_t first_step;               /* steps done before this start: 0, or the checkpoint's */
    int64_t images_per_step;          /* of both people, over all ranks */
    double loss_weight[MODEL_LOSSES]; /* to sum the losses of a person */
    double every_s;                   /* between plain lines */
    double time_limit_s;              /* of this start; 0: none */
    double (*clock)(void *ctx);       /* seconds, monotonic; NULL: clock_seconds */
    /* shows a line; NULL: the log. redraw: it replaces the line before; "" removes that */
    void (*show)(void *ctx, bool redraw, const char *line);
    bool terminal; /* redraw lines; used only if show is set */
    void *ctx;     /* of clock and show */
};

struct progress_update {
    int64_t epoch; /* from 1 */
    int64_t step;  /* steps done, including this one */
    struct model_losses losses;
    double data_wait_s; /* of this step */
    int64_t gpu_bytes;  /* peak of tensors so far; 0: no GPU */
};

/* Owned by the caller; do not use the members. */
struct progress {
    struct progress_options options;
    struct progress_update last;
    double val, val_best; /* NaN: none yet */
    double recon_l1, swap_l1;
    double identity[MODEL_PEOPLE];
    int64_t val_best_step;
    double started_s, step_started_s, pause_started_s, shown_s;
    double steps_sum, time_sum, wait_sum; /* decayed, for the rates */
    double time_total_s, pause_total_s;   /* of timed steps; of pauses */
    int64_t steps_seen, steps_timed;      /* of this start; the first step is not timed */
    bool shown;
};

void progress_init(struct progress *p, const struct progress_options *o);
/* Call it after each step; shows a line when one is due. */
void progress_step(struct progress *p, const struct progress_update *u);
/* The time between these two calls is a pause, not part of a step. */
void progress_pause(struct progress *p);
void progress_continue(struct progress *p);
struct progress_val {
    double loss, recon_l1, swap_l1; /* NaN: not measured */
};
void progress_set_val(struct progress *p, const struct progress_val *val);
/* The identity of swaps of A's and of B's pictures (preview_faces.h). NaN: not measured. */
void progress_set_identity(struct progress *p, const double of[static MODEL_PEOPLE]);
/* Removes the redrawn line and logs a summary: steps, time, losses, best validation, rate. */
void progress_finish(struct progress *p);

/* Images of both people a second, smoothed; 0 before the second step. */
double progress_images_per_s(const struct progress *p);
/* Seconds to the end of the stage and of the run; -1 if not known yet. */
double progress_stage_left_s(const struct progress *p);
double progress_run_left_s(const struct progress *p);
/* Writes the progress line. */
void progress_format(const struct progress *p, char out[static PROGRESS_LINE_BYTES]);

#endif
