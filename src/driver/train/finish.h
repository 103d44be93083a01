/*
 * The end of a run, for the person who reads the log: what was reached, where it lies, and which
 * command comes next. A few lines on rank 0; nothing on the others.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FINISH_H
#define BIFRONS_DRIVER_TRAIN_FINISH_H

#include "session.h"
#include "train_arguments.h"

/* After the last step, or where none was left; the session's state is the last one's. */
void finish_tell(const struct session *s);
/* After a stop: the command line that goes on, as a shell takes it. */
void finish_tell_command(const struct train_arguments *a, int world_size, int argc, char **argv);

#endif
