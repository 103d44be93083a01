#include "train_state.h"

#include <math.h>

static void clear_results(struct train_state *t)
{
    t->train_loss = t->val_loss = t->best_value = t->best_seen = NAN;
    t->best_step = t->stale = t->adversary_step = 0;
    val_metrics_clear(&t->val_metrics);
    guard_init(&t->guard);
    collapse_init(&t->collapse);
}

void train_state_init(struct train_state *t)
{
    *t = (struct train_state){0};
    clear_results(t);
}

void train_state_begin_next_stage(struct train_state *t)
{
    int64_t skipped = t->guard.skipped;
    t->stage++;
    t->stage_step = t->step;
    t->stage_position = t->position;
    clear_results(t);
    t->guard.skipped = skipped;
}

int64_t train_state_stage_steps(const struct train_state *t)
{
    return t->step - t->stage_step;
}

int64_t train_state_stage_pictures(const struct train_state *t)
{
    return (int64_t)(t->position - t->stage_position);
}
