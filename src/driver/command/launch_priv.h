/* Between the parts of --ranks: launch.c starts mpirun and evaluates its end, launch_watch.c
 * watches it. */
#ifndef BIFRONS_DRIVER_LAUNCH_PRIV_H
#define BIFRONS_DRIVER_LAUNCH_PRIV_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct launch {
    int n_ranks, n_begun;
    pid_t mpirun;
    pid_t *ranks;     /* (n_ranks); n_begun of them have reported that they are ready */
    sigset_t signals; /* the signals of the watch; blocked */

    /* what happened */
    bool interrupted, stop_asked, at_once;
    bool ended;        /* mpirun has ended */
    int how;           /* its status from waitpid */
    int told;          /* the run's exit code, reported by rank 0; -1: none */
    double patience_s; /* deadline for the remaining processes; 0: none */
};

/* Blocks the signals of the watch; `before`: the mask before. Call it before mpirun is started. */
void launch_watch_prepare(struct launch *l, sigset_t *before);
/* Returns when mpirun and all its descendants have ended. */
void launch_watch(struct launch *l);

#endif
