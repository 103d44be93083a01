#include "session.h"

#include <inttypes.h>
#include <math.h>

#include "base/checked.h"
#include "schedule.h"

void session_begin(struct session *s)
{
    train_state_init(&s->state);
    s->val_compared = NAN;
    session_enter_stage(s);
}

void session_enter_stage(struct session *s)
{
    s->stage.run = &s->run;
    s->stage.comm = s->run.comm;
    struct config *c = &s->run.config;
    config_enter_stage(c, s->state.stage);
    int64_t batch = c->train.global_batch;
    s->stage.steps_per_epoch = run_steps_per_epoch(&s->run, batch);
    /* a resumed stage may have used another batch before */
    int64_t pictures = c->train.epochs * session_epoch_pictures(s);
    int64_t left = MAX(pictures - train_state_stage_pictures(&s->state), 0);
    s->stage.steps_total = s->state.step + (left + batch - 1) / batch;
    if (c->train.max_steps > 0)
        s->stage.steps_total = MIN(s->stage.steps_total, c->train.max_steps);
}

void session_begin_next_stage(struct session *s)
{
    train_state_begin_next_stage(&s->state);
    session_enter_stage(s);
}

/* --- Steps and epochs ------------------------------------------------------------------------- */

int64_t session_epoch_pictures(const struct session *s)
{
    return s->stage.steps_per_epoch * s->run.config.train.global_batch;
}

int64_t session_epoch(const struct session *s)
{
    return train_state_stage_pictures(&s->state) / session_epoch_pictures(s);
}

/* The epoch that the last of these pictures of the stage belongs to. If the batch was changed, the
 * last step may go beyond the last epoch. */
static int64_t epoch_of(const struct session *s, int64_t pictures)
{
    int64_t epoch = session_epoch_pictures(s);
    return MIN((pictures + epoch - 1) / epoch, s->run.config.train.epochs);
}

int64_t session_epoch_number(const struct session *s)
{
    return epoch_of(s, train_state_stage_pictures(&s->state));
}

int64_t session_epochs_total(const struct session *s)
{
    int64_t left = MAX(s->stage.steps_total - s->state.step, 0);
    return epoch_of(s, train_state_stage_pictures(&s->state) +
                           left * s->run.config.train.global_batch);
}

bool session_at_epoch_end(const struct session *s)
{
    int64_t epoch = session_epoch_pictures(s), pictures = train_state_stage_pictures(&s->state);
    return pictures / epoch > (pictures - s->run.config.train.global_batch) / epoch;
}

double session_lr(const struct session *s, int64_t step)
{
    int64_t began = s->state.stage_step;
    if (s->run.fixed_lr > 0)
        return s->run.fixed_lr;
    return s->state.guard.lr_scale *
           schedule_lr(&s->run.config, step - began, s->stage.steps_total - began);
}

bool session_is_stale(const struct session *s)
{
    return s->run.config.train.early_stop > 0 && s->state.stale >= s->run.config.train.early_stop;
}

bool session_stage_is_over(const struct session *s)
{
    return s->state.step >= s->stage.steps_total || session_is_stale(s);
}

bool session_run_is_over(const struct session *s)
{
    int64_t most = s->run.config.train.max_steps;
    bool last = s->state.stage + 1 == config_stage_count(&s->run.config);
    return session_stage_is_over(s) && (last || (most > 0 && s->state.step >= most));
}

int64_t session_stage_number(const struct session *s)
{
    return s->run.config.train.stages.n > 0 ? s->state.stage + 1 : 0;
}

void session_stage_text(const struct session *s, char out[static SESSION_STAGE_TEXT_BYTES])
{
    out[0] = '\0';
    if (s->run.config.train.stages.n > 0)
        snprintf(out, SESSION_STAGE_TEXT_BYTES, "stage %" PRId64 " of %" PRId64 ", %d px",
                 s->state.stage + 1, s->run.config.train.stages.n, s->run.config.model.image_size);
}
