/*
 * bifrons train --ranks N: starts the ranks of a run on this machine by Open MPI's mpirun, stays
 * beside them until they have ended, and hands signals on.
 *
 *     char *argv[] = {"bifrons train", "configs/demo.toml", "--ranks", "2", NULL};
 *     if (launch_check(2, &em) == ST_OK)
 *         exit(launch_run(2, "runs/demo", 4, argv));
 *
 * Ctrl-C at a terminal reaches this process alone: mpirun would end the ranks a second later. INT,
 * TERM, HUP (unless ignored) and USR1 ask the ranks for a checkpoint and an orderly end; a second
 * INT, or USR2, ends them at once. Ctrl-Z stops the ranks, too. Should this process be killed,
 * mpirun gets a TERM by the kernel.
 */
#ifndef BIFRONS_DRIVER_LAUNCH_H
#define BIFRONS_DRIVER_LAUNCH_H

#include "base/status.h"

/* ST_USAGE in a job of a batch system or under a launcher: ranks are started by those. */
enum status launch_check(int n_ranks, struct errmsg *em) MUST_CHECK;

/*
 * n_ranks from 2; out: the run folder; argv[0] is "bifrons train". The exit code is the run's own.
 * A rank or mpirun that was killed makes it 75 where a checkpoint was made since the start, and 70
 * otherwise; mpirun that is not here, or that starts no rank, 69.
 */
int launch_run(int n_ranks, const char *out, int argc, char **argv);

#endif
