#include "loop.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "save.h"
#include "signals.h"
#include "step.h"

struct loop {
    struct session *session;
    struct report *report;
    struct saver *saver; /* NULL on ranks other than 0 */
    double started_s;
};

/* What this rank asks of the step. Clocks are read on rank 0 only, so that all agree. */
static uint64_t wanted_flags(const struct loop *l)
{
    const struct config *c = &l->session->config;
    uint64_t flags = signals_pending() ? STEP_FLAG_STOP : 0;
    if (comm_rank(l->session->comm) != 0)
        return flags;
    if (c->train.max_minutes > 0 && clock_seconds() - l->started_s >= c->train.max_minutes * 60)
        flags |= STEP_FLAG_STOP;
    if (saver_due(l->saver))
        flags |= STEP_FLAG_SAVE;
    return flags;
}

static bool at_epoch_end(const struct session *s)
{
    return s->state.position % (uint64_t)session_epoch_pictures(s) == 0;
}

static bool save_due(const struct session *s, uint64_t flags)
{
    int64_t every = s->config.checkpoint.every_steps;
    return flags != 0 || at_epoch_end(s) || s->state.step == s->steps_total ||
           (every > 0 && s->state.step % every == 0);
}

static enum status between_steps(struct loop *l, uint64_t flags, struct errmsg *em)
{
    struct session *s = l->session;
    bool finished = s->state.step == s->steps_total, validated = false;
    saver_poll(l->saver);
    if (!save_due(s, flags))
        return ST_OK;
    report_pause(l->report);
    if (at_epoch_end(s) || finished) {
        struct model_losses losses;
        enum status st = step_validate(s, &losses, em);
        if (st != ST_OK)
            return st;
        report_validation(l->report, &losses);
        validated = true;
        int64_t every = s->config.log.preview_epochs;
        if (finished || (every > 0 && session_epoch(s) % every == 0))
            report_preview(l->report);
    }
    report_sync(l->report);
    saver_save(l->saver, validated);
    report_continue(l->report);
    return ST_OK;
}

static enum status outcome(const struct loop *l, uint64_t flags, struct errmsg *em)
{
    const struct session *s = l->session;
    if (!saver_finish(l->saver))
        return FAIL(em, ST_IO,
                    "the state of step %" PRId64 " could not be saved in %s; the last good "
                    "checkpoint stands, --resume auto goes on from it",
                    s->state.step, s->out);
    if ((flags & STEP_FLAG_STOP) && s->state.step < s->steps_total)
        return FAIL(em, ST_AGAIN,
                    "stopped after step %" PRId64 " of %" PRId64 " with a checkpoint in %s; the "
                    "same command with --resume auto goes on",
                    s->state.step, s->steps_total, s->out);
    return ST_OK;
}

static enum status run_steps(struct loop *l, struct errmsg *em)
{
    struct session *s = l->session;
    struct step_report step = {0};
    while (s->state.step < s->steps_total && !(step.flags & STEP_FLAG_STOP)) {
        enum status st = step_run(s, wanted_flags(l), &step, em);
        if (st != ST_OK)
            return st;
        report_step(l->report, &step);
        st = between_steps(l, step.flags, em);
        if (st != ST_OK)
            return st;
    }
    return outcome(l, step.flags, em);
}

enum status loop_run(struct session *s, struct report *r, struct errmsg *em)
{
    struct loop l = {.session = s, .report = r, .started_s = clock_seconds()};
    enum status st = saver_open(s, &l.saver, em);
    if (st == ST_OK)
        st = run_steps(&l, em);
    saver_close(l.saver);
    return st;
}
