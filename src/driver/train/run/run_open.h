/* Opens what lasts for the whole run: sets, orders, threads. */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_OPEN_H
#define BIFRONS_DRIVER_TRAIN_RUN_OPEN_H

#include "run.h"

/*
 * COLLECTIVE: on an error all ranks return together with the same message. Opens sets and orders
 * and checks them for every stage; then the configuration is that of the first stage. `run` must
 * have config, out, comm and watchdog. Call run_close afterwards, also after a failure.
 */
enum status run_open(struct run *run, struct errmsg *em) MUST_CHECK;
/* Not collective; the communicator stays open. */
void run_close(struct run *run);

#endif
