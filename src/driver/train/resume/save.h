/*
 * Checkpoints while training goes on. The loop stops only for a copy of the state; rank 0's
 * thread serialises it, makes it durable and gives it its name (run_folder.h).
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
 *     bool kept = saver_finish(saver);                   // joined before the last collective
 *     saver_close(saver);
 *
 * There is one copy, so one checkpoint is written at a time: one that is due meanwhile waits for
 * it, up to a minute, and is then left out with a warning; one that is due by time alone is not
 * asked for before the disk is done. A failed write costs nothing but safety: it is told, training
 * goes on, earlier checkpoints are whole, and a minute later another one is tried.
 *
 * Rank 0 has a saver; elsewhere it is NULL and every call returns at once.
 */
#ifndef BIFRONS_DRIVER_TRAIN_SAVE_H
#define BIFRONS_DRIVER_TRAIN_SAVE_H

#include "session.h"

struct saver;

/* COLLECTIVE. Memory for the copy, and the thread. ST_MEMORY. */
enum status saver_open(struct session *s, struct saver **out, struct errmsg *em) MUST_CHECK;
/* Waits for a checkpoint being written. */
void saver_close(struct saver *v);
/* Copies the state and has it written. since_s: when training stopped for it. validated: the last
 * validation is of the current state, which becomes best.pt where it is better than that one
 * (always, without held-out pictures) and no decoder has collapsed, or where there is no best.pt
 * yet. */
void saver_save(struct saver *v, double since_s, bool validated);
/* Rank 0: sets model and s->state back to what was copied last, or to where training began; the
 * copy need not have reached the disk. The caller shares it with the other ranks. */
enum status saver_go_back(struct saver *v, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE between step_before_save and step_after_save. The present state is what saver_go_back
 * goes back to from here on, and its best value that of best.pt; nothing is written. */
enum status saver_keep(struct saver *v, struct errmsg *em) MUST_CHECK;
/* Tells what became of a checkpoint that has been written meanwhile. */
void saver_poll(struct saver *v);
/* Is a checkpoint due by time, or to be tried again? */
bool saver_due(struct saver *v);
/* Waits for the disk; is the latest state that was to be saved there? True without a saver. */
bool saver_finish(struct saver *v);
/* Seconds the slowest checkpoint took, copy and writing; 0 before the first. */
double saver_seconds(const struct saver *v);

#endif
