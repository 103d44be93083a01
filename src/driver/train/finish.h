/*
 * Logs the end of a run: the result, the files, and the next command. A few lines on rank 0;
 * nothing on the others.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FINISH_H
#define BIFRONS_DRIVER_TRAIN_FINISH_H

#include "session.h"
#include "train_arguments.h"

/* Call it after the last step, or if no step was left. The session has the last state. */
void finish_log(const struct session *s);
/* Call it after a stop: logs the command line that resumes the run, quoted for a shell. */
void finish_log_command(const struct train_arguments *a, int world_size, int argc, char **argv);

#endif
