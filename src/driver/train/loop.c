#include "loop.h"

#include <inttypes.h>
#include <math.h>

#include "average.h"
#include "base/clock.h"
#include "base/log.h"
#include "recovery.h"
#include "save.h"
#include "signals.h"
#include "step.h"
#include "validate.h"

struct loop {
    struct session *session;
    struct report *report;
    struct saver *saver; /* NULL on ranks other than 0 */
    const char *why;     /* it stopped early; on rank 0 */
    bool too_late;       /* to save, with the launcher about to end the ranks */
    bool save_owed;      /* one was due while steps were left out */
};

/* How long a save takes: as measured; at first a guess from what there is to write. */
static double save_seconds(const struct loop *l)
{
    static const double BYTES_PER_S = 50e6;
    const struct session *s = l->session;
    double measured_s = saver_seconds(l->saver);
    if (measured_s > 0 || s->state.save_s > 0)
        return measured_s > 0 ? measured_s : s->state.save_s;
    return 3.0 * sizeof(float) * (double)model_flat(s->model)->count / BYTES_PER_S;
}

/* What this rank asks of the step. Clocks are read on rank 0 only, so that all agree. */
static uint64_t wanted_flags(struct loop *l)
{
    struct walltime *w = &l->session->walltime;
    uint64_t flags = signals_pending() ? STEP_FLAG_STOP : 0;
    if (comm_rank(l->session->comm) != 0)
        return flags;
    double now = clock_seconds();
    walltime_note(w, now);
    if (walltime_over(w, now, save_seconds(l))) {
        flags |= STEP_FLAG_STOP;
        l->why = w->what;
    }
    if (saver_due(l->saver))
        flags |= STEP_FLAG_SAVE;
    return flags;
}

static bool save_due(const struct loop *l, uint64_t flags)
{
    const struct session *s = l->session;
    int64_t every = s->config.checkpoint.every_steps;
    return flags != 0 || l->save_owed || session_at_epoch_end(s) ||
           s->state.step == s->steps_total || (every > 0 && s->state.step % every == 0);
}

static enum status validate(struct loop *l, struct errmsg *em)
{
    struct session *s = l->session;
    struct model_losses losses;
    watchdog_enter(s->watchdog, WATCH_VALIDATE, s->state.step);
    enum status st = average_enter(s, em);
    if (st == ST_OK)
        st = validate_run(s, &losses, em);
    if (st != ST_OK)
        return st;
    report_validation(l->report, &losses);
    int64_t every = s->config.log.preview_epochs;
    watchdog_enter(s->watchdog, WATCH_PREVIEW, s->state.step);
    if (session_stage_is_over(s) || (every > 0 && session_epoch(s) % every == 0))
        report_preview(l->report);
    return average_leave(s, em);
}

/* COLLECTIVE */
static enum status save(struct loop *l, bool validated, struct errmsg *em)
{
    struct session *s = l->session;
    double since_s = clock_seconds();
    watchdog_enter(s->watchdog, WATCH_SAVE, s->state.step);
    enum status st = step_before_save(s, em);
    if (st != ST_OK)
        return st;
    if (!l->too_late) {
        s->state.save_s = fmax(saver_seconds(l->saver), s->state.save_s);
        s->state.stretch_s = s->walltime.stretch_s;
        report_sync(l->report);
        saver_save(l->saver, since_s, validated);
    }
    return step_after_save(s, em);
}

static enum status between_steps(struct loop *l, uint64_t flags, struct errmsg *em)
{
    struct session *s = l->session;
    bool validates = session_at_epoch_end(s) || s->state.step == s->steps_total;
    saver_poll(l->saver);
    if (!save_due(l, flags))
        return ST_OK;
    report_pause(l->report);
    enum status st = validates ? validate(l, em) : ST_OK;
    if (st != ST_OK)
        return st;
    /* amid bad steps the state is none to go back to: it waits for a good one */
    l->save_owed =
        s->state.guard.bad_in_a_row > 0 && !session_stage_is_over(s) && !(flags & STEP_FLAG_STOP);
    l->too_late = l->saver && (flags & STEP_FLAG_STOP) && save_seconds(l) > signals_time_left();
    if (!l->save_owed)
        st = save(l, validates, em);
    report_continue(l->report);
    return st;
}

static enum status outcome(const struct loop *l, uint64_t flags, struct errmsg *em)
{
    const struct session *s = l->session;
    if (!saver_finish(l->saver))
        return FAIL(em, ST_IO,
                    "the state of step %" PRId64 " could not be saved in %s; the last good "
                    "checkpoint stands, --resume auto goes on from it",
                    s->state.step, s->out);
    if (l->too_late)
        return FAIL(em, ST_INTERRUPTED,
                    "ended by the launcher after step %" PRId64
                    ", too soon for a checkpoint, which "
                    "takes %.1f s; the last one in %s stands. USR1 instead of TERM leaves time",
                    s->state.step, save_seconds(l), s->out);
    if ((flags & STEP_FLAG_STOP) && !session_run_is_over(s))
        return FAIL(em, ST_AGAIN,
                    "stopped after step %" PRId64 " of %" PRId64 " (%s%s) with a checkpoint in %s; "
                    "the same command with --resume auto goes on",
                    s->state.step, s->steps_total, l->why ? l->why : "on request",
                    l->why ? " is nearly over" : "", s->out);
    if (validate_is_stale(s) && comm_rank(s->comm) == 0)
        validate_tell_stale(s);
    return ST_OK;
}

/* When the run will stop by itself, where it will. */
static void tell_time(const struct loop *l)
{
    char text[160];
    if (!isfinite(l->session->walltime.end_s))
        return;
    walltime_describe(&l->session->walltime, clock_seconds(), save_seconds(l), text, sizeof text);
    log_info("time: %s", text);
}

static enum status run_steps(struct loop *l, struct errmsg *em)
{
    struct session *s = l->session;
    struct step_report step = {0};
    while (!session_stage_is_over(s) && !(step.flags & STEP_FLAG_STOP)) {
        watchdog_enter(s->watchdog, WATCH_STEP, s->state.step + 1);
        enum status st = step_run(s, wanted_flags(l), &step, em);
        if (st != ST_OK)
            return st;
        report_step(l->report, &step);
        if (step.verdict != GUARD_GOOD)
            recovery_tell_skipped(s, &step);
        if (step.verdict == GUARD_GO_BACK) {
            /* where it goes back to has been validated and saved already */
            st = recovery_go_back(s, l->saver, l->report, em);
            l->save_owed = false;
        } else {
            st = between_steps(l, step.flags, em);
        }
        if (st != ST_OK)
            return st;
    }
    watchdog_enter(s->watchdog, WATCH_END, s->state.step);
    return comm_agree(s->comm, outcome(l, step.flags, em), em);
}

enum status loop_run(struct session *s, struct report *r, struct errmsg *em)
{
    struct loop l = {.session = s, .report = r};
    enum status st = step_before_save(s, em); /* the saver keeps where this life began */
    if (st == ST_OK)
        st = saver_open(s, &l.saver, em);
    if (st == ST_OK)
        st = step_after_save(s, em);
    s->walltime.stretch_s = s->state.stretch_s;
    s->walltime.noted_s = 0; /* opening a stage is none of its steps */
    if (st == ST_OK && comm_rank(s->comm) == 0)
        tell_time(&l);
    if (st == ST_OK)
        st = run_steps(&l, em);
    saver_close(l.saver);
    return st;
}
