/*
 * The signals of a training run. USR1 and TERM, and the first INT, ask for an agreed stop: the
 * ranks put signals_pending to the vote at each step, save a checkpoint and end with ST_AGAIN. A
 * second INT ends the process at once with ST_INTERRUPTED; the last checkpoint stands. PIPE is
 * ignored: a lost peer is an error of the collective, not the end of the rank that happens to
 * notice.
 *
 * mpirun passes USR1 on to its ranks, but answers a TERM or INT of its own by a TERM to them and a
 * KILL a second later: signals_time_left tells such a TERM from one that came from elsewhere.
 */
#ifndef BIFRONS_DRIVER_TRAIN_SIGNALS_H
#define BIFRONS_DRIVER_TRAIN_SIGNALS_H

#include <stdbool.h>

/* Call before comm_open, so that a request during start-up is not lost. */
void signals_install(void);
/* Was this process asked to stop? Stays true. */
bool signals_pending(void);
/* Seconds until mpirun ends this process; INFINITY where it has not said that it will. */
double signals_time_left(void);

#endif
