/*
 * The signals of a training run. USR1, TERM and HUP (unless it was ignored at the start, as nohup
 * does), and the first INT, ask for an agreed stop: the ranks put signals_pending to the vote at
 * each step, save a checkpoint and end with ST_AGAIN. A second INT, or USR2, ends the process at
 * once with ST_INTERRUPTED; the last checkpoint stands. PIPE is ignored: a lost peer is an error of
 * the collective, not the end of the rank that happens to notice.
 *
 * mpirun passes USR1 on to its ranks, but answers a TERM or INT of its own by a TERM to them and a
 * KILL a second later: signals_time_left tells such a TERM from one that came from elsewhere.
 */
#ifndef BIFRONS_DRIVER_TRAIN_SIGNALS_H
#define BIFRONS_DRIVER_TRAIN_SIGNALS_H

#include <stdbool.h>

/* How a process ends without time for a checkpoint. */
enum signals_end {
    SIGNALS_CALLED_OFF, /* it does not: signals_call_off */
    SIGNALS_MPIRUN,     /* mpirun kills it a second from now */
    SIGNALS_AT_ONCE     /* a second INT, or USR2 */
};

/* Call before comm_open, so that a request during start-up is not lost. */
void signals_install(void);
/* Was this process asked to stop? Stays true. */
bool signals_pending(void);
/* Seconds until mpirun ends this process; INFINITY where it has not said that it will. */
double signals_time_left(void);
/* Was this process started by Open MPI's mpirun? */
bool signals_under_mpirun(void);

/*
 * Sleeps until the process is to end. The one thread that calls this ends it then: while it does,
 * neither a second INT nor USR2 does; a third request does. `known`: what it was told last, else
 * SIGNALS_CALLED_OFF.
 */
enum signals_end signals_await_end(enum signals_end known);
/* signals_await_end returns SIGNALS_CALLED_OFF, now and in future. */
void signals_call_off(void);

#endif
