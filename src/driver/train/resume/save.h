/*
 * Saves checkpoints during training. Training stops only to copy the state. A thread of rank 0
 * serialises the copy, writes it durably and gives it its name (run_folder.h).
 *
 *     struct saver *saver;
 *     enum status st = saver_open(s, &saver, &em);       // COLLECTIVE
 *     if (st != ST_OK)
 *         return st;
 *     for (int64_t step = 1; step <= steps; step++) {
 *         saver_poll(saver);
 *         if (saver_due(saver))
 *             saver_save(saver, since_s, validated);
 *     }
 *     bool kept = saver_finish(saver);                   // before the last collective
 *     saver_close(saver);
 *
 * There is one copy, so one checkpoint is written at a time. Another one that is due meanwhile
 * waits up to a minute, and is then skipped with a warning; one due by time is not requested before
 * the disk is done. A failed write is logged and training continues; earlier checkpoints are not
 * affected, and it tries again after a minute.
 *
 * Only rank 0 has a saver; on other ranks it is NULL and every call returns at once.
 */
#ifndef BIFRONS_DRIVER_TRAIN_SAVE_H
#define BIFRONS_DRIVER_TRAIN_SAVE_H

#include "session.h"

struct saver;

/* COLLECTIVE. Allocates the copy and starts the thread. Errors: ST_MEMORY. */
enum status saver_open(struct session *s, struct saver **out, struct errmsg *em) MUST_CHECK;
/* Waits for a checkpoint being written. */
void saver_close(struct saver *v);
/* Copies the state and starts to write it. since_s: when training stopped for it. validated: the
 * last validation is of the current state. A validated state becomes best.pt if it is better
 * (always, without held-out pictures) and no decoder has collapsed, or if there is no best.pt
 * yet. */
void saver_save(struct saver *v, double since_s, bool validated);
/* Rank 0: sets model and s->state back to the last copy, or to the start of training. The copy need
 * not be on disk yet. The caller shares it with the other ranks. */
enum status saver_go_back(struct saver *v, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Call it between step_before_save and step_after_save. Copies the current state for
 * saver_go_back, and takes its best value as that of best.pt. Writes nothing. */
enum status saver_keep(struct saver *v, struct errmsg *em) MUST_CHECK;
/* Logs the result of a checkpoint that was written meanwhile. */
void saver_poll(struct saver *v);
/* True if a checkpoint is due by time, or must be tried again. */
bool saver_due(struct saver *v);
/* Waits for the disk. True if the latest save succeeded; true without a saver. */
bool saver_finish(struct saver *v);
/* The latest save whose result is known. */
struct saver_outcome {
    int64_t step;
    bool best, failed; /* best: it became best.pt */
};
/* True once for each save with a known result; false without a saver. Call it after saver_poll and
 * saver_finish. */
bool saver_take_outcome(struct saver *v, struct saver_outcome *out);
/* Seconds the slowest checkpoint took, copy and writing; 0 before the first. */
double saver_seconds(const struct saver *v);

#endif
