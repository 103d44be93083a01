/*
 * What rank 0 still says when its process is ended without time for a checkpoint (signals.h): the
 * run's record tells when, how and at which step, and one line tells what is lost. A thread does
 * it, since mpirun kills its ranks a second after their TERM, and a step may take longer.
 *
 *     struct run_record *record; // of run_record_new
 *     struct last_words *w;
 *     st = last_words_open("runs/x", record, false, &w, &em); // the record is the thread's
 *     struct run_record_outcome outcome = {.step = 12, .epoch = 1};
 *     last_words_note(w, &outcome); // after each step: where the run stands
 *     last_words_close(w);          // the record is the caller's again
 *
 * A TERM of mpirun does not end the process here: should the run come to an orderly end within that
 * second after all, its own record replaces this one. What ends it at once does.
 */
#ifndef BIFRONS_DRIVER_TRAIN_LAST_WORDS_H
#define BIFRONS_DRIVER_TRAIN_LAST_WORDS_H

#include "run_record.h"

struct last_words;

/* out: the run folder. Both are borrowed. launched: `bifrons train --ranks` tells of an end at once
 * in our place, since mpirun no longer passes lines on. Once in a process. ST_MEMORY, ST_INTERNAL.
 */
enum status last_words_open(const char *out, struct run_record *record, bool launched,
                            struct last_words **words, struct errmsg *em) MUST_CHECK;
/* Of outcome, status and message are not looked at. */
void last_words_note(struct last_words *w, const struct run_record_outcome *outcome);
/* Waits for words that are being said. NULL is allowed. */
void last_words_close(struct last_words *w);

#endif
