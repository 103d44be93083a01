/*
 * What one rank keeps for the whole run. run/run_open.h opens and closes it.
 */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_H
#define BIFRONS_DRIVER_TRAIN_RUN_H

#include "base/thread_count.h"
#include "comm/comm.h"
#include "comm/watchdog.h"
#include "config.h"
#include "data/loader.h"
#include "data/order.h"
#include "data/set.h"
#include "walltime.h"

/* What rank 0 measures in the sets; all ranks have it. */
struct run_measures {
    struct augment_colours colours[2]; /* of each set's training pictures, at their own size */
    struct pose_scale poses[2];        /* of each set's training pictures, with model.pose */
    struct set_identity identities[2]; /* whose face each set shows, for checkpoints */
    double pupils[2]; /* their distance, as a share of the side; 0: not known; for checkpoints */
};

struct run {
    struct config config;              /* of the current stage */
    char out[PATH_BYTES_MAX];          /* the run folder */
    char fresh_set[2][PATH_BYTES_MAX]; /* folders.h: the file to open in place of data.a, data.b,
                                          until the run begins; "": none */
    struct comm *comm;
    struct watchdog *watchdog;
    struct set *sets[2];
    struct order *orders[2];
    struct run_measures measures;
    struct walltime walltime;     /* on rank 0; from engine_train */
    struct thread_choice threads; /* of this rank */
    double fixed_lr;              /* replaces the schedule; 0: not set */
};

/* The path in data.a or data.b. The file that is read may be a copy, or not have that name yet. */
const char *run_set_name(const struct run *run, int person);
/* True if masks are used: configured, and in both sets. */
bool run_uses_masks(const struct run *run);
/* The steps of an epoch with this batch. */
int64_t run_steps_per_epoch(const struct run *run, int64_t global_batch);

/* COLLECTIVE: copies rank 0's text to *text_out on every rank; the caller frees it. text: NULL on
 * other ranks. */
enum status run_share_text(const struct run *run, const char *text, char **text_out,
                           struct errmsg *em) MUST_CHECK;
/* COLLECTIVE: copies the bytes of rank 0's range to every rank. */
enum status run_share_bytes(const struct run *run, void *range, size_t n,
                            struct errmsg *em) MUST_CHECK;

#endif
