/*
 * What a checkpoint records of a run: its state, by the rows of state_table.h, its ranks and its
 * sets. The JSON text "meta" holds the META rows and
 *
 *   {"world_size","threads", "fingerprints":[A,B], "held_out":[A,B], "people":[A,B],
 *    "consent":[A,B], "identity":{"mean":[A,B]}, "pupils":[A,B], …}
 *
 * with hashes of which rows are held out, the mean of a person's /identity as 128 numbers or null
 * (no "identity" if no set has any), the distance of the pupils as a share of the picture's side
 * (0: not known; likewise), "guard":{"losses":[oldest, …], "bad_in_a_row", "rollbacks", "skipped",
 * "lr_scale"} and "collapse":{"start":[A,B], "best":[A,B], "variety":[A,B], "travel", "kind":[A,B],
 * "in_a_row"}.
 */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_META_H
#define BIFRONS_DRIVER_TRAIN_RUN_META_H

#include "data/set.h"
#include "model/checkpoint.h"
#include "train_state.h"

struct run_meta {
    struct train_state state;
    int world_size, threads;                   /* 0: not known */
    char fingerprints[2][17], held_out[2][17]; /* "": not known */
    /* written, not read */
    const char *people[2], *consent[2];
    const struct set_identity *identities[2]; /* NULL: not known */
    double pupils[2];
};

/* The JSON text; the caller frees it. stages: the run has train.stages. NULL if out of memory. */
char *run_meta_text(const struct run_meta *m, bool stages);
/* Reads that text. The fields of FACT and METRICS rows are as in train_state_init. Text that is not
 * a JSON object is read as an empty object: the checkpoint's hash has been checked before. */
void run_meta_read(const char *text, struct run_meta *out);

/* Fills facts from the FACT and METRICS rows. facts->val_metrics borrows numbers. */
void run_meta_put_facts(const struct train_state *t, struct checkpoint_number numbers[VAL_NUMBERS],
                        struct checkpoint_facts *facts);
/* Reads everything from a checkpoint. */
void run_meta_of(const struct checkpoint *c, struct run_meta *out);

#endif
