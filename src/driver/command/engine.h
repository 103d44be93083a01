/* The subcommands of bifrons-engine; rows of the table in engine.c. */
#ifndef BIFRONS_DRIVER_ENGINE_H
#define BIFRONS_DRIVER_ENGINE_H

int engine_train(int argc, char **argv);
int engine_eval(int argc, char **argv);
int engine_swap(int argc, char **argv);
int engine_extract(int argc, char **argv);
int engine_info(int argc, char **argv);
/* only inspect --augment: the rest of inspect does not need libtorch. */
int engine_inspect(int argc, char **argv);

#endif
