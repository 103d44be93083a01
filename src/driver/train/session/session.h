/*
 * Everything one rank of a training run holds, opened and closed in the order of this struct.
 * Opening is COLLECTIVE: every phase that can fail on one rank ends in comm_agree, so all ranks
 * leave together with the same message.
 *
 * A run trains one stage of train.stages after the other, or its only one. What depends on the size
 * of pictures or the batch is opened for each:
 *
 *     enum status st = session_open(s, &em); // at the beginning; or the state is set to a later
 *     session_enter_stage(s);                // point, and this takes its stage's configuration
 *     while (st == ST_OK) {
 *         st = session_open_stage(s, &em);
 *         session_close_stage(s);
 *         if (session_run_is_over(s))
 *             break;
 *         session_begin_next_stage(s);       // the state's; enters it, to be opened
 *     }
 *     session_close(s);
 */
#ifndef BIFRONS_DRIVER_TRAIN_SESSION_H
#define BIFRONS_DRIVER_TRAIN_SESSION_H

#include "base/threads.h"
#include "collapse.h"
#include "comm/comm.h"
#include "comm/reducer.h"
#include "comm/slot_sum.h"
#include "comm/watchdog.h"
#include "config.h"
#include "data/loader.h"
#include "data/order.h"
#include "data/set.h"
#include "guard.h"
#include "model/model.h"
#include "val_metrics.h"
#include "walltime.h"

struct feed;

/* Where the run stands. Saved in every checkpoint. */
struct train_state {
    int64_t step;                   /* optimizer steps done, of all stages */
    uint64_t position;              /* pictures of each person consumed: the cursor of the order */
    int64_t stage;                  /* of train.stages, from 0 */
    int64_t stage_step;             /* step at which the stage began … */
    uint64_t stage_position;        /* … and position */
    double train_loss;              /* of the last step; NaN before the first */
    double val_loss;                /* of the last validation; NaN before the first */
    struct val_metrics val_metrics; /* likewise */
    double best_value;              /* what checkpoint.best names, of best.pt; NaN: none yet */
    int64_t best_step;              /* step of best.pt; 0: none of this stage */
    double best_seen;       /* what checkpoint.best names, of all validations; NaN: none yet */
    int64_t stale;          /* validations in a row that were not better */
    double wall_s;          /* training time of the run's earlier lives */
    int64_t metrics_bytes;  /* length of metrics.jsonl at this point */
    double save_s;          /* the slowest save lately; 0: none yet */
    double stretch_s;       /* walltime.h: longest time between two chances to stop; 0: not known */
    int64_t adversary_step; /* updates of the discriminators */
    struct guard guard;
    struct collapse collapse;
};

struct session {
    struct config config;              /* the stage's */
    char out[PATH_BYTES_MAX];          /* the run folder */
    char fresh_set[2][PATH_BYTES_MAX]; /* folders.h: the file to open in place of data.a, data.b,
                                          until the run begins; "": none */
    struct comm *comm;
    struct watchdog *watchdog;
    struct set *sets[2];
    struct order *orders[2];
    struct augment_colours colours[2]; /* of each set's training pictures, at their own size */
    struct train_state state;
    struct walltime walltime;     /* rank 0's; from engine_train */
    struct thread_choice threads; /* of this rank */
    double fixed_lr;              /* in place of the schedule's; 0: none */

    /* of a stage */
    int64_t steps_per_epoch, steps_total; /* steps_total: state.step at the stage's end */
    struct loader *loader;
    struct feed *feed; /* has room for this rank's largest micro-batch */
    struct model_memory memory;
    struct model *model;
    struct reducer *reducer;          /* of the model's gradients; step_open makes both */
    struct norm *norm;                /* of the summed gradient; step_open makes it */
    struct slot_sum *slot_sum;        /* with train.reproducible, else NULL */
    struct slot_sum *adversary_slots; /* likewise, of the discriminators' gradients */
};

/* COLLECTIVE: sets and orders, checked for every stage; the state of a run that has not begun. `s`
 * has config, out and comm; session_close frees. */
enum status session_open(struct session *s, struct errmsg *em) MUST_CHECK;
/* Not collective; the communicator stays open. */
void session_close(struct session *s);

/* The stage that the state is in: its configuration, and its steps. Not collective. */
void session_enter_stage(struct session *s);
/* COLLECTIVE: loader and model of the stage that was entered. */
enum status session_open_stage(struct session *s, struct errmsg *em) MUST_CHECK;
/* Not collective. Does nothing where none is open. */
void session_close_stage(struct session *s);
/* The state at the beginning of the next stage: best values, the guard and the discriminators begin
 * anew, steps and position go on. Enters it. */
void session_begin_next_stage(struct session *s);
/* Is no step of the stage left, or none worth it? */
bool session_stage_is_over(const struct session *s);
/* Likewise, and no further stage follows. */
bool session_run_is_over(const struct session *s);
/* "stage 2 of 3, 256 px"; "" without train.stages. */
enum { SESSION_STAGE_TEXT_BYTES = 64 };
void session_stage_text(const struct session *s, char out[static SESSION_STAGE_TEXT_BYTES]);

/* What data.a or data.b names; the file that is read may be a copy, or not have that name yet. */
const char *session_set_name(const struct session *s, int person);
/* Are masks looked at: asked for, and in both sets? */
bool session_uses_masks(const struct session *s);
/* The model that a configuration asks for; its colours are those of the sets, and left out. */
struct model_options session_model_options(const struct config *c, const char *device);

/* COLLECTIVE: text from rank 0 (NULL elsewhere) arrives in *text_out on every rank; caller frees.
 */
enum status session_share_text(struct comm *c, const char *text, char **text_out,
                               struct errmsg *em) MUST_CHECK;
/* COLLECTIVE: bytes of rank 0's range arrive on every rank. */
enum status session_share_bytes(struct comm *c, void *range, size_t n,
                                struct errmsg *em) MUST_CHECK;

/* COLLECTIVE: rank 0's parameters, moments and state arrive on every rank. */
enum status session_share_state(struct session *s, struct errmsg *em) MUST_CHECK;

/* Steps done, and pictures of each person consumed, in this stage. */
int64_t session_stage_steps(const struct session *s);
int64_t session_stage_pictures(const struct session *s);
/* Steps of an epoch with such a batch. */
int64_t session_steps_per_epoch(const struct session *s, int64_t global_batch);
/* Pictures of each person in an epoch: whole steps that cover the longer training set once. */
int64_t session_epoch_pictures(const struct session *s);
/* Finished epochs of the stage at the current position. */
int64_t session_epoch(const struct session *s);
/* Number, from 1, of the epoch that the last step belongs to; 0 before the stage's first step. */
int64_t session_epoch_number(const struct session *s);
/* That number at the stage's last step: the epochs that train.epochs and train.max_steps allow. */
int64_t session_epochs_total(const struct session *s);
/* Did the last step end an epoch? */
bool session_at_epoch_end(const struct session *s);
/* Learning rate of a step of this stage: fixed_lr, else by its schedule and the guard. */
double session_lr(const struct session *s, int64_t step);

#endif
