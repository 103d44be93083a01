/* Where a run stands: plain data, the same on every rank, saved in every checkpoint. */
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

/* Of a run that has not begun. */
void train_state_init(struct train_state *t);
/* At the beginning of the next stage: best values, the guard and the discriminators begin anew,
 * steps and position go on. */
void train_state_begin_next_stage(struct train_state *t);
/* Steps done, and pictures of each person consumed, in this stage. */
int64_t train_state_stage_steps(const struct train_state *t);
int64_t train_state_stage_pictures(const struct train_state *t);

#endif
