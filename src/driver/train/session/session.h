/*
 * A run on one rank in three parts: what lasts for the whole run (struct run), what lasts for a
 * stage of train.stages, or the only one (struct stage), and the counters and statistics (struct
 * train_state). A checkpoint saves only the last part and the model. A function takes the part it
 * needs, or the session if it needs all three.
 *
 *     enum status st = run_open(&s->run, &em); // COLLECTIVE
 *     if (st == ST_OK)
 *         session_begin(s); // or the state is a checkpoint's, and session_enter_stage follows
 *     while (st == ST_OK && !session_run_is_over(s)) {
 *         if (session_stage_is_over(s))
 *             session_begin_next_stage(s);
 *         st = stage_open(&s->stage, &s->state, &em); // COLLECTIVE
 *         // and the stage's steps
 *         stage_close(&s->stage);
 *     }
 *     run_close(&s->run);
 */
#ifndef BIFRONS_DRIVER_TRAIN_SESSION_H
#define BIFRONS_DRIVER_TRAIN_SESSION_H

#include "comm/reducer.h"
#include "comm/slot_sum.h"
#include "model/model.h"
#include "run.h"
#include "train_state.h"

struct feed;
struct follow_reader;

/* What depends on the size of pictures or the batch. step/stage_open.h opens and closes it. */
struct stage {
    const struct run *run;
    struct comm *comm;                    /* the run's */
    int64_t steps_per_epoch, steps_total; /* steps_total: state.step at the stage's end */
    struct loader *loader;
    struct feed *feed; /* has room for this rank's largest micro-batch */
    struct model_memory memory;
    struct model *model;
    struct reducer *reducer;                     /* of the model's gradients */
    struct norm *norm;                           /* of the summed gradient */
    struct slot_sum *slot_sum;                   /* with train.reproducible, else NULL */
    struct slot_sum *discriminator_slots;        /* the same for the discriminators' gradients */
    struct follow_reader *readers[MODEL_PEOPLE]; /* of swaps of A's and of B's pictures, on the rank
                                                    that measures them; NULL: not trained yet */
};

struct session {
    struct run run;
    struct stage stage;
    struct train_state state;
    double val_compared; /* of the last validation: the part of val_loss that compares
                          * reconstructions with their pictures (collapse_loss), of both people */
};

/* Sets the state of a new run and enters its first stage. */
void session_begin(struct session *s);
/* Enters the stage of the state: sets its configuration and steps. */
void session_enter_stage(struct session *s);
/* Sets the state to the start of the next stage and enters it. */
void session_begin_next_stage(struct session *s);
/* True if the last train.early_stop validations were not better than the best before them. */
bool session_is_stale(const struct session *s);
/* True if no step of the stage is left, or session_is_stale. */
bool session_stage_is_over(const struct session *s);
/* True if that holds and no further stage follows. */
bool session_run_is_over(const struct session *s);
/* The stage from 1; 0 without train.stages. */
int64_t session_stage_number(const struct session *s);
/* "stage 2 of 3, 256 px"; "" without train.stages. */
enum { SESSION_STAGE_TEXT_BYTES = 64 };
void session_stage_text(const struct session *s, char out[static SESSION_STAGE_TEXT_BYTES]);

/* Pictures of each person in an epoch: whole steps that cover the longer training set once. */
int64_t session_epoch_pictures(const struct session *s);
/* Finished epochs of the stage at the current position. */
int64_t session_epoch(const struct session *s);
/* Number, from 1, of the epoch that the last step belongs to; 0 before the stage's first step. */
int64_t session_epoch_number(const struct session *s);
/* That number at the stage's last step: the epochs that train.epochs and train.max_steps allow. */
int64_t session_epochs_total(const struct session *s);
/* True if the last step ended an epoch. */
bool session_at_epoch_end(const struct session *s);
/* Learning rate of a step of this stage: fixed_lr, else from the schedule and the guard. */
double session_lr(const struct session *s, int64_t step);

#endif
