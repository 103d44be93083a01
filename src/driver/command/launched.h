/*
 * Reports from a rank to `bifrons train --ranks N`, its launcher, without mpirun between them: that
 * it is ready, so that the launcher can signal it, and the exit code, because mpirun prints a
 * banner for every exit code except 0. The reports are real-time signals, SIGRTMIN.
 *
 *     pid_t launcher = 4711;                       // from --launched
 *     launched_hold();                             // in bifrons: a request to stop waits
 *     launched_begin(launcher);                    // until bifrons-engine can handle it
 *     exit(launched_end(launcher, status_exit_code(ST_AGAIN)));
 *
 * A launcher that is not an ancestor of this process (on another node) gets no reports.
 */
#ifndef BIFRONS_DRIVER_LAUNCHED_H
#define BIFRONS_DRIVER_LAUNCHED_H

#include <sys/types.h>

/* The value of the signal: an exit code, or this. */
enum { LAUNCHED_BEGUN = 0x100 };

/* Blocks USR1 until launched_begin: without a handler it would kill the process. */
void launched_hold(void);
/* Call it when signals are handled. `launcher`: its process id; 0: none. */
void launched_begin(pid_t launcher);
/* The exit code for mpirun at an orderly end of all ranks: 0 if the launcher got `code`. */
int launched_end(pid_t launcher, int code);

#endif
