/* The state of a run: plain data, the same on every rank, saved in every checkpoint. */
#ifndef BIFRONS_DRIVER_TRAIN_TRAIN_STATE_H
#define BIFRONS_DRIVER_TRAIN_TRAIN_STATE_H

#include <stdint.h>

#include "collapse.h"
#include "guard.h"
#include "state_table.h"
#include "val_metrics.h"

struct train_state {
#define FIELD(type, name, ...) type name;
    TRAIN_STATE(FIELD, FIELD, FIELD)
#undef FIELD
};

/* Sets the state of a new run. */
void train_state_init(struct train_state *t);
/* Moves on to the next stage: resets best values, the guard and the discriminators; keeps step and
 * position. */
void train_state_begin_next_stage(struct train_state *t);
/* In this stage: steps done, and pictures of each person consumed. */
int64_t train_state_stage_steps(const struct train_state *t);
int64_t train_state_stage_pictures(const struct train_state *t);

#endif
