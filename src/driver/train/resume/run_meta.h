/*
 * The JSON text "meta" of a checkpoint: what a run must find again and no other entry holds.
 *
 *   {"best_value","best_step","best_seen","stale","wall_s","metrics_bytes","save_s","stretch_s",
 *    "world_size","threads", "fingerprints":[A,B], "people":[A,B], "consent":[A,B],
 *    "guard":{"losses":[oldest, …], "bad_in_a_row", "rollbacks", "skipped", "lr_scale"},
 *    "collapse":{"start":[A,B], "best":[A,B], "variety":[A,B], "travel", "kind":[A,B], "in_a_row"}}
 *
 * With train.stages also "stage" (from 1, as people count them), "stage_step" and "stage_position",
 * at which it began. Numbers that are none yet are null; a key that is missing reads as none.
 */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_META_H
#define BIFRONS_DRIVER_TRAIN_RUN_META_H

#include "session.h"

/* Of the current state; the caller frees. NULL where memory is out. */
char *run_meta_text(const struct session *s);

/* What a checkpoint says. */
struct run_meta {
    double best_value, best_seen, wall_s;
    int64_t best_step, stale, metrics_bytes;
    int64_t stage, stage_step, stage_position; /* as in struct train_state */
    double save_s, stretch_s;
    int world_size, threads; /* 0: not told */
    char fingerprints[2][20];
    struct guard guard;
    struct collapse collapse;
};

/* Text that is no JSON object reads as an empty one: the checkpoint's hash has been compared. */
void run_meta_read(const char *text, struct run_meta *out);

#endif
