/*
 * How far a run is, for the person watching:
 *
 *   epoch 3/50  step 372/6250  loss 0.0412 (A 0.0210 B 0.0202)  val 0.0433 (L1 recon 0.0391 swap
 *   0.0577)  193 images/s  data 0.4 %  2 min 10 s left                        (on one line)
 *
 * Before that the stage, where there are some: "stage 2 of 3, 256 px  epoch 1/10 …"; the time left
 * is then the stage's, and the run's: "4 min 10 s left in this stage, about 31 min in all". Of the
 * stages to come nothing is measured yet; they are taken to need the time of so many of this one's
 * steps as the options say.
 *
 * On a GPU also the most memory that tensors have taken so far, as "3.2 GiB".
 *
 * On a terminal the line is redrawn in place; elsewhere (a batch job's log file) a plain line is
 * logged every every_s seconds. Rates are averages in which a second counts half as much as one
 * twenty seconds later. Time left = steps left x (time of a step + mean pause a step), where pauses
 * are what happens between steps: validation, previews.
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
 * Does nothing on rank > 0, by way of the log. One thread at a time. Nothing here can fail.
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
    double steps_to_come;             /* of the stages that follow, in steps of this one; 0: none */
    int64_t epochs, total_steps;      /* to be reached */
    int64_t first_step;               /* steps done before this start: 0, or the checkpoint's */
    int64_t images_per_step;          /* of both people, over all ranks */
    double loss_weight[MODEL_LOSSES]; /* to add the terms of a person */
    double every_s;                   /* between plain lines */
    double time_limit_s;              /* of this start; 0: none */
    double (*clock)(void *ctx);       /* seconds, monotonic; NULL: clock_seconds */
    /* where lines go; NULL: the log. redraw: the line replaces the one before, "" removes it */
    void (*show)(void *ctx, bool redraw, const char *line);
    bool terminal; /* redraw lines? looked at only where show is given */
    void *ctx;     /* of clock and show */
};

struct progress_update {
    int64_t epoch; /* from 1 */
    int64_t step;  /* steps done, this one included */
    struct model_losses losses;
    double data_wait_s; /* of this step */
    int64_t gpu_bytes;  /* peak of tensors so far; 0: no GPU */
};

/* Caller-owned; its members are the functions' business. */
struct progress {
    struct progress_options options;
    struct progress_update last;
    double val, val_best; /* NaN: none yet */
    double recon_l1, swap_l1;
    int64_t val_best_step;
    double started_s, step_started_s, pause_started_s, shown_s;
    double steps_sum, time_sum, wait_sum; /* decayed, for the rates */
    double time_total_s, pause_total_s;   /* of timed steps; of pauses */
    int64_t steps_seen, steps_timed;      /* of this start; the first is not timed */
    bool shown;
};

void progress_init(struct progress *p, const struct progress_options *o);
/* After each step; shows a line when it is time to. */
void progress_step(struct progress *p, const struct progress_update *u);
/* What happens between these two is a pause, not part of a step. */
void progress_pause(struct progress *p);
void progress_continue(struct progress *p);
struct progress_val {
    double loss, recon_l1, swap_l1; /* NaN: not measured */
};
void progress_set_val(struct progress *p, const struct progress_val *val);
/* Removes the redrawn line and logs a summary: steps, time, losses, best validation, rate. */
void progress_finish(struct progress *p);

/* Images of both people a second, smoothed; 0 before the second step. */
double progress_images_per_s(const struct progress *p);
/* Seconds to the end of the stage and of the run, or -1 where that is not known yet. */
double progress_stage_left_s(const struct progress *p);
double progress_run_left_s(const struct progress *p);
/* The line itself. */
void progress_format(const struct progress *p, char out[static PROGRESS_LINE_BYTES]);

#endif
