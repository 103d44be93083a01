/*
 * The estimates of `bifrons plan` for this run, with its precision and ranks: whether it uses a
 * CUDA graph, its memory, and the time of later stages.
 */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_PLAN_H
#define BIFRONS_DRIVER_TRAIN_RUN_PLAN_H

#include "session.h"

struct plan_work;
struct plan_run;
/* The estimated work of a configuration of the run. False if its network cannot be built. */
bool run_plan_of(const struct config *c, int ranks, enum model_precision precision,
                 struct plan_work *work, struct plan_run *run);

/* train.cuda_graph of the stage that uses a model with these options; bifrons plan decides for
 * "auto". */
bool run_plan_takes_graph(const struct config *c, int ranks, const struct model_options *o);

/* Logs the memory of this stage and of each later one, so that a run does not fail days later.
 * Warns if a node has less. The model must be open. */
void run_plan_log_memory(const struct session *s);

/* The steps of all later stages, converted to steps of this stage that take the same estimated
 * time. 0: none follows. Assumes that no stage ends early. The model must be open. */
double run_plan_steps_to_come(const struct session *s);

#endif
