/*
 * What rank 0 writes when its process is ended without time for a checkpoint (signals.h): the run
 * record gets the time, the reason and the step, and one log line says what is lost. A thread does
 * this, because mpirun kills its ranks a second after TERM and a step may take longer.
 *
 *     struct run_record *record; // of run_record_new
 *     struct last_words *w;
 *     st = last_words_open("runs/x", record, false, &w, &em); // the thread owns the record
 *     struct run_record_outcome outcome = {.step = 12, .epoch = 1};
 *     last_words_record(w, &outcome); // after each step
 *     last_words_close(w);          // the caller owns the record again
 *
 * A TERM from mpirun does not end the process here. If the run ends in an orderly way within that
 * second, its own record replaces this one. A second INT or USR2 ends the process here.
 */
#ifndef BIFRONS_DRIVER_TRAIN_LAST_WORDS_H
#define BIFRONS_DRIVER_TRAIN_LAST_WORDS_H

#include "run_record.h"

struct last_words;

/* out: the run folder. out and record are borrowed. launched: `bifrons train --ranks` logs an
 * immediate end instead, because mpirun no longer passes lines on. Call it once in a process.
 * Errors: ST_MEMORY, ST_INTERNAL. */
enum status last_words_open(const char *out, struct run_record *record, bool launched,
                            struct last_words **words, struct errmsg *em) MUST_CHECK;
/* Ignores status and message of outcome. */
void last_words_record(struct last_words *w, const struct run_record_outcome *outcome);
/* Waits for a record that is being written. NULL is allowed. */
void last_words_close(struct last_words *w);

#endif
