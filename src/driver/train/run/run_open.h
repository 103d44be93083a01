/* Opens what a run has from its beginning to its end: sets, orders, threads. */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_OPEN_H
#define BIFRONS_DRIVER_TRAIN_RUN_OPEN_H

#include "run.h"

/*
 * COLLECTIVE: every phase that can fail on one rank ends in comm_agree, so all ranks leave together
 * with the same message. Sets and orders, checked for every stage; the configuration is then the
 * first stage's. `run` has config, out, comm and watchdog. run_close follows, after a failure too.
 */
enum status run_open(struct run *run, struct errmsg *em) MUST_CHECK;
/* Not collective; the communicator stays open. */
void run_close(struct run *run);

#endif
