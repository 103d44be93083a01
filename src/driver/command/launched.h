/*
 * What a rank that `bifrons train --ranks N` has started tells that process, its launcher, past
 * mpirun between them: that it has begun, so that the launcher can signal it, and how the run ends,
 * since mpirun puts a banner over every exit code but 0. Real-time signals carry it; the launcher
 * takes them from SIGRTMIN.
 *
 *     pid_t launcher = 4711;                       // as --launched tells it
 *     launched_hold();                             // in bifrons: a request to stop waits …
 *     launched_begin(launcher);                    // … until bifrons-engine can take it
 *     exit(launched_end(launcher, status_exit_code(ST_AGAIN)));
 *
 * A launcher that is not an ancestor of this process, as on another node, is told nothing.
 */
#ifndef BIFRONS_DRIVER_LAUNCHED_H
#define BIFRONS_DRIVER_LAUNCHED_H

#include <sys/types.h>

/* What the signal carries: an exit code, or this. */
enum { LAUNCHED_BEGUN = 0x100 };

/* Blocks USR1 until launched_begin: handlers are not there yet, and without one it kills. */
void launched_hold(void);
/* Once signals are handled. `launcher`: its process; 0 where there is none. */
void launched_begin(pid_t launcher);
/* The exit code for mpirun at an orderly end of all ranks: 0 where the launcher knows `code`. */
int launched_end(pid_t launcher, int code);

#endif
