/*
 * What `bifrons plan` would say of this run, at the precision and on the ranks that it is run with:
 * whether its batches become a CUDA graph, what memory it takes, and how long its stages to come.
 */
#ifndef BIFRONS_DRIVER_TRAIN_RUN_PLAN_H
#define BIFRONS_DRIVER_TRAIN_RUN_PLAN_H

#include "session.h"

struct plan_work;
struct plan_run;
/* What is counted for a configuration of the run; false where its network cannot be built. */
bool run_plan_of(const struct config *c, int ranks, enum model_precision precision,
                 struct plan_work *work, struct plan_run *run);

/* Of the stage that a model with these options is to be made for: train.cuda_graph, "auto" as
 * bifrons plan decides. */
bool run_plan_takes_graph(const struct config *c, int ranks, const struct model_options *o);

/* Logs the memory that this stage and each of those to come take (no run should find out days later
 * that they do not fit); a warning where a host has less. The model is there. */
void run_plan_tell_memory(const struct session *s);

/* All steps of the stages to come, as many of this stage's as take the same time by what is counted
 * for each; 0: none follows. No stage is expected to end early. The model is there. */
double run_plan_steps_to_come(const struct session *s);

#endif
