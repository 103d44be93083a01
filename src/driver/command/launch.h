/*
 * bifrons train --ranks N: starts the ranks of a run on this node with Open MPI's mpirun, waits
 * until they have ended, and passes signals on.
 *
 *     char *argv[] = {"bifrons train", "configs/demo.toml", "--ranks", "2", NULL};
 *     if (launch_check(2, &em) == ST_OK)
 *         exit(launch_run(2, "runs/demo", 4, argv));
 *
 * Ctrl-C at a terminal reaches only this process: mpirun would end the ranks a second later. INT,
 * TERM, HUP (unless ignored) and USR1 ask the ranks for a checkpoint and an orderly end; a second
 * INT, or USR2, ends them at once. Ctrl-Z suspends the ranks, too. If this process is killed, the
 * kernel sends mpirun TERM.
 */
#ifndef BIFRONS_DRIVER_LAUNCH_H
#define BIFRONS_DRIVER_LAUNCH_H

#include "base/status.h"

/* ST_USAGE in a job of a batch system or under a launcher: these start the ranks. */
enum status launch_check(int n_ranks, struct errmsg *em) MUST_CHECK;

/*
 * n_ranks from 2; out: the run folder; argv[0] is "bifrons train". Returns the exit code of the
 * run. If a rank or mpirun was killed: 75 if a checkpoint was made since the start, else 70. If
 * mpirun is missing or starts no rank: 69.
 */
int launch_run(int n_ranks, const char *out, int argc, char **argv);

#endif
