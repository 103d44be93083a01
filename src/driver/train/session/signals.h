/*
 * The signals of a training run. USR1, TERM and HUP (unless it was ignored at the start, as nohup
 * does), and the first INT, ask for an agreed stop: all ranks learn of signals_pending in the vote
 * of each step, save a checkpoint and end with ST_AGAIN. A second INT, or USR2, ends the process at
 * once with ST_INTERRUPTED; only the last checkpoint is left. PIPE is ignored: a lost rank is an
 * error of the collective and must not kill the rank that notices it.
 *
 * mpirun passes USR1 on to its ranks. But if mpirun itself gets TERM or INT, it sends the ranks
 * TERM, and KILL a second later. signals_time_left tells such a TERM from others.
 */
#ifndef BIFRONS_DRIVER_TRAIN_SIGNALS_H
#define BIFRONS_DRIVER_TRAIN_SIGNALS_H

#include <stdbool.h>

/* How a process ends without time for a checkpoint. */
enum signals_end {
    SIGNALS_CALLED_OFF, /* it does not end: signals_call_off */
    SIGNALS_MPIRUN,     /* mpirun kills it a second from now */
    SIGNALS_AT_ONCE     /* a second INT, or USR2 */
};

/* Call before comm_open, so that a request during start-up is not lost. */
void signals_install(void);
/* True once this process was asked to stop. */
bool signals_pending(void);
/* Seconds until mpirun ends this process; INFINITY if no such end was announced. */
double signals_time_left(void);
/* True if Open MPI's mpirun started this process. */
bool signals_under_mpirun(void);

/*
 * Sleeps until the process must end; then the caller (one thread) must end it. Meanwhile a second
 * INT or USR2 does not end the process at once, but a third request does. `known`: the last result,
 * at first SIGNALS_CALLED_OFF.
 */
enum signals_end signals_await_end(enum signals_end known);
/* Makes signals_await_end return SIGNALS_CALLED_OFF, now and later. */
void signals_call_off(void);

#endif
