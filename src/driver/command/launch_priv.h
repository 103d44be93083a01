/* Between the parts of --ranks: launch.c starts mpirun and judges its end, launch_watch.c stays
 * with it. */
#ifndef BIFRONS_DRIVER_LAUNCH_PRIV_H
#define BIFRONS_DRIVER_LAUNCH_PRIV_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct launch {
    int n_ranks, n_begun;
    pid_t mpirun;
    pid_t *ranks;     /* (n_ranks), of which n_begun have said that they are there */
    sigset_t signals; /* that the watch takes; blocked */

    /* what happened */
    bool interrupted, stop_asked, at_once;
    bool ended;        /* mpirun has … */
    int how;           /* … in this way, as waitpid tells it */
    int told;          /* the run's exit code, by rank 0; -1: not told */
    double patience_s; /* until when what is left may take; 0: as long as it likes */
};

/* Blocks the signals of the watch; `before`: the mask until now. Before mpirun is started. */
void launch_watch_prepare(struct launch *l, sigset_t *before);
/* Until mpirun and all processes below it have ended. */
void launch_watch(struct launch *l);

#endif
