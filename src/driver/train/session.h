/*
 * Everything one rank of a training run holds, opened and closed in the order of this struct.
 * Opening is COLLECTIVE: every phase that can fail on one rank ends in comm_agree, so all ranks
 * leave together with the same message.
 */
#ifndef BIFRONS_DRIVER_TRAIN_SESSION_H
#define BIFRONS_DRIVER_TRAIN_SESSION_H

#include "comm/comm.h"
#include "comm/reducer.h"
#include "comm/slot_sum.h"
#include "comm/watchdog.h"
#include "config.h"
#include "data/loader.h"
#include "data/order.h"
#include "data/set.h"
#include "feed.h"
#include "guard.h"
#include "model/model.h"
#include "val_metrics.h"
#include "walltime.h"

/* Where the run stands. Saved in every checkpoint. */
struct train_state {
    int64_t step;                   /* optimizer steps done */
    uint64_t position;              /* pictures of each person consumed: the cursor of the order */
    double train_loss;              /* of the last step; NaN before the first */
    double val_loss;                /* of the last validation; NaN before the first */
    struct val_metrics val_metrics; /* likewise */
    double best_value;              /* what checkpoint.best names, of best.pt; NaN: none yet */
    int64_t best_step;              /* whose checkpoint best.pt is; 0: none yet */
    double best_seen;       /* what checkpoint.best names, of all validations; NaN: none yet */
    int64_t stale;          /* validations in a row that were not better */
    double wall_s;          /* training time of the run's earlier lives */
    int64_t metrics_bytes;  /* length of metrics.jsonl at this point */
    double save_s;          /* the slowest save lately; 0: none yet */
    double stretch_s;       /* walltime.h: longest time between two chances to stop; 0: not known */
    int64_t adversary_step; /* updates of the discriminators */
    struct guard guard;
};

struct session {
    struct config config;
    char out[PATH_BYTES_MAX]; /* the run folder */
    struct comm *comm;
    struct watchdog *watchdog;
    struct set *sets[2];
    struct order *orders[2];
    struct loader *loader;
    struct feed *feed; /* has room for this rank's largest micro-batch */
    struct model_memory memory;
    struct model *model;
    struct reducer *reducer;          /* of the model's gradients; step_open makes both */
    struct norm *norm;                /* of the summed gradient; step_open makes it */
    struct slot_sum *slot_sum;        /* with train.reproducible, else NULL */
    struct slot_sum *adversary_slots; /* likewise, of the discriminators' gradients */
    struct train_state state;
    struct walltime walltime; /* rank 0's; from engine_train */
    int64_t steps_per_epoch, steps_total;
    int threads; /* per rank */
};

/* COLLECTIVE: sets, orders, loader, model. `s` has config, out and comm; session_close frees. */
enum status session_open(struct session *s, struct errmsg *em) MUST_CHECK;
/* Not collective; the communicator stays open. */
void session_close(struct session *s);

/* The weight of each loss, as configured. */
void session_loss_weights(const struct config *c, double weights[static MODEL_OWN_LOSSES]);

/* COLLECTIVE: text from rank 0 (NULL elsewhere) arrives in *text_out on every rank; caller frees.
 */
enum status session_share_text(struct comm *c, const char *text, char **text_out,
                               struct errmsg *em) MUST_CHECK;
/* COLLECTIVE: bytes of rank 0's range arrive on every rank. */
enum status session_share_bytes(struct comm *c, void *range, size_t n,
                                struct errmsg *em) MUST_CHECK;

/* COLLECTIVE: rank 0's parameters, moments and state arrive on every rank. */
enum status session_share_state(struct session *s, struct errmsg *em) MUST_CHECK;

/* Pictures of each person in an epoch: whole steps that cover the longer training set once. */
int64_t session_epoch_pictures(const struct session *s);
/* Finished epochs at the current position. */
int64_t session_epoch(const struct session *s);
/* Did the last step end an epoch? */
bool session_at_epoch_end(const struct session *s);
/* Counts the steps left anew from the state's position: a resumed run may have another batch. */
void session_plan_rest(struct session *s);

#endif
