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
    const char *why;     /* the reason for an early stop; on rank 0 */
    bool too_late;       /* to save: the launcher is about to end the ranks */
    bool save_owed;      /* a save was due during skipped steps */
    bool collapsed;      /* a decoder has collapsed: no saves until it recovers */
};

/* How long a save takes, as measured. Before the first one: an estimate from its size. */
static double save_seconds(const struct loop *l)
{
    static const double BYTES_PER_S = 50e6;
    const struct session *s = l->session;
    double measured_s = saver_seconds(l->saver);
    if (measured_s > 0 || s->state.save_s > 0)
        return measured_s > 0 ? measured_s : s->state.save_s;
    /* parameters and two moments */
    return 3.0 * sizeof(float) * (double)model_flat(s->stage.model)->count / BYTES_PER_S;
}

/* The flags of this rank for the step; the vote joins those of all ranks. Any rank may ask to stop
 * because of a signal, only rank 0 because of time. */
static uint64_t wanted_flags(struct loop *l)
{
    struct walltime *w = &l->session->run.walltime;
    uint64_t flags = signals_pending() ? STEP_FLAG_STOP : 0;
    if (comm_rank(l->session->run.comm) != 0)
        return flags;
    double now = clock_seconds();
    walltime_record(w, now);
    if (walltime_over(w, now, save_seconds(l))) {
        flags |= STEP_FLAG_STOP;
        l->why = w->what;
    }
    if (saver_due(l->saver))
        flags |= STEP_FLAG_SAVE;
    return flags;
}

static bool validation_due(const struct session *s)
{
    return session_at_epoch_end(s) || s->state.step == s->stage.steps_total;
}

static bool save_due(const struct loop *l, uint64_t flags)
{
    const struct session *s = l->session;
    int64_t every = s->run.config.checkpoint.every_steps;
    if (l->collapsed && !(flags & STEP_FLAG_STOP))
        return validation_due(s);
    return flags != 0 || l->save_owed || validation_due(s) ||
           (every > 0 && s->state.step % every == 0);
}

static enum status validate(struct loop *l, struct errmsg *em)
{
    struct session *s = l->session;
    struct model_losses losses;
    struct collapse_view of_parameters[MODEL_PEOPLE] = {0}, seen[MODEL_PEOPLE];
    bool unused;
    enum status st =
        average_is_kept(&s->stage) ? validate_check_collapse(s, of_parameters, &unused, em) : ST_OK;
    watchdog_enter(s->run.watchdog, WATCH_VALIDATE, s->state.step);
    if (st == ST_OK)
        st = average_enter(&s->stage, em);
    if (st == ST_OK)
        st = validate_run(s, of_parameters, &losses, seen, em);
    if (st != ST_OK)
        return st;
    watchdog_enter(s->run.watchdog, WATCH_REPORT, s->state.step);
    recovery_log_collapse(s, seen);
    l->collapsed = s->state.collapse.in_a_row > 0;
    report_validation(l->report, &losses);
    int64_t every = s->run.config.log.preview_epochs;
    if (session_stage_is_over(s) || (every > 0 && session_epoch(s) % every == 0))
        report_preview(l->report);
    report_page(l->report);
    return average_leave(&s->stage, em);
}

/* COLLECTIVE */
static enum status save(struct loop *l, bool validated, struct errmsg *em)
{
    struct session *s = l->session;
    double since_s = clock_seconds();
    watchdog_enter(s->run.watchdog, WATCH_SAVE, s->state.step);
    enum status st = step_before_save(s, em);
    if (st != ST_OK)
        return st;
    if (!l->too_late) {
        s->state.save_s = fmax(saver_seconds(l->saver), s->state.save_s);
        s->state.stretch_s = s->run.walltime.stretch_s;
        report_sync(l->report);
        saver_save(l->saver, since_s, validated);
    }
    return step_after_save(s, em);
}

/* COLLECTIVE. Between validations, the losses of a step can show that the state to be saved has
 * collapsed. They are from before the step's update. */
static enum status check_before_save(struct loop *l, const struct step_report *step,
                                     struct errmsg *em)
{
    const struct session *s = l->session;
    struct collapse_view seen[MODEL_PEOPLE];
    double loss[MODEL_PEOPLE];
    for (int who = 0; who < MODEL_PEOPLE; who++)
        loss[who] = collapse_loss(&s->run.config, &step->losses, who);
    if (!collapse_is_suspected(&s->state.collapse, loss))
        return ST_OK;
    return validate_check_collapse(l->session, seen, &l->collapsed, em);
}

/* Records the outcome of the latest save, once it is known. */
static void record_saved(const struct loop *l)
{
    struct saver_outcome o;
    if (!saver_take_outcome(l->saver, &o))
        return;
    report_event(l->report,
                 o.failed ? EVENT_UNSAVED
                 : o.best ? EVENT_BEST
                          : EVENT_CHECKPOINT,
                 o.step, "%s", "");
}

/* COLLECTIVE. Saves the state before the run ends by an error, which the user gets: a failure of
 * this save is only logged. Returns its status, because an orderly end is impossible after ST_PEER.
 */
static enum status save_at_end(struct loop *l)
{
    struct errmsg em = {0};
    enum status st = save(l, false, &em);
    if (st != ST_OK && comm_rank(l->session->run.comm) == 0)
        log_warn("the state of step %" PRId64 " could not be saved: %s", l->session->state.step,
                 em.text);
    return st;
}

/* COLLECTIVE. Does not save during bad steps or while a decoder is collapsed, except at the end:
 * the next good state is saved. */
static enum status save_if_good(struct loop *l, bool validated, bool stops, struct errmsg *em)
{
    const struct session *s = l->session;
    bool ends = session_stage_is_over(s) || stops;
    l->save_owed = s->state.guard.bad_in_a_row > 0 && !ends;
    l->too_late = l->saver && stops && save_seconds(l) > signals_time_left();
    if (l->save_owed || (l->collapsed && !ends))
        return ST_OK;
    return save(l, validated, em);
}

/* COLLECTIVE */
static enum status leave_collapse(struct loop *l, struct errmsg *em)
{
    enum status st = recovery_leave_collapse(l->session, l->saver, l->report, em);
    l->save_owed = l->collapsed = false;
    return st;
}

/* COLLECTIVE */
static enum status between_steps(struct loop *l, const struct step_report *step, struct errmsg *em)
{
    struct session *s = l->session;
    bool validates = validation_due(s), stops = step->flags & STEP_FLAG_STOP;
    saver_poll(l->saver);
    record_saved(l);
    if (!save_due(l, step->flags))
        return ST_OK;
    report_pause(l->report);
    enum status st = ST_OK;
    if (validates)
        st = validate(l, em);
    else if (!stops)
        st = check_before_save(l, step, em);
    if (st == ST_DATA && !validates && save_at_end(l) == ST_PEER) /* pictures do not spoil it */
        st = ST_PEER;
    if (st != ST_OK)
        return st;
    if (validates && recovery_is_due(s) && !stops)
        st = leave_collapse(l, em);
    else
        st = save_if_good(l, validates, stops, em);
    report_continue(l->report);
    return st;
}

static enum status outcome(const struct loop *l, uint64_t flags, struct errmsg *em)
{
    const struct session *s = l->session;
    bool saved = saver_finish(l->saver);
    record_saved(l);
    if (!saved)
        return FAIL(em, ST_IO,
                    "the state of step %" PRId64 " could not be saved in %s; --resume auto "
                    "goes on from the last good checkpoint, if there is one",
                    s->state.step, s->run.out);
    if (l->too_late)
        return FAIL(em, ST_INTERRUPTED,
                    "ended by the launcher after step %" PRId64
                    ", too soon for a checkpoint, which "
                    "takes %.1f s; the last one in %s stands. USR1 instead of TERM leaves time",
                    s->state.step, save_seconds(l), s->run.out);
    if ((flags & STEP_FLAG_STOP) && !session_run_is_over(s))
        return FAIL(em, ST_AGAIN,
                    "stopped after step %" PRId64 " of %" PRId64 " (%s%s) with a checkpoint in %s; "
                    "the same command with --resume auto goes on",
                    s->state.step, s->stage.steps_total, l->why ? l->why : "on request",
                    l->why ? " is nearly over" : "", s->run.out);
    if (comm_rank(s->run.comm) != 0)
        return ST_OK;
    if (session_is_stale(s))
        validate_log_stale(s);
    if (session_run_is_over(s))
        recovery_log_end(s);
    return ST_OK;
}

/* Logs when the run will stop by itself, if it will. */
static void log_time(const struct loop *l)
{
    char text[160];
    if (!isfinite(l->session->run.walltime.end_s))
        return;
    walltime_describe(&l->session->run.walltime, clock_seconds(), save_seconds(l), text,
                      sizeof text);
    log_info("time: %s", text);
}

static enum status run_steps(struct loop *l, struct errmsg *em)
{
    struct session *s = l->session;
    struct step_report step = {0};
    while (!session_stage_is_over(s) && !(step.flags & STEP_FLAG_STOP)) {
        watchdog_enter(s->run.watchdog, WATCH_STEP, s->state.step + 1);
        enum status st = step_run(s, wanted_flags(l), &step, em);
        if (st != ST_OK)
            return st;
        watchdog_enter(s->run.watchdog, WATCH_REPORT, s->state.step);
        report_step(l->report, &step);
        if (step.verdict != GUARD_GOOD)
            recovery_log_skipped(s, &step);
        if (step.verdict == GUARD_GO_BACK) {
            /* the earlier state has been validated and saved already */
            st = recovery_go_back(s, l->saver, l->report, em);
            l->save_owed = l->collapsed = false;
        } else {
            st = between_steps(l, &step, em);
        }
        if (st != ST_OK)
            return st;
    }
    watchdog_enter(s->run.watchdog, WATCH_END, s->state.step);
    return comm_agree(s->run.comm, outcome(l, step.flags, em), em);
}

enum status loop_run(struct session *s, struct report *r, struct errmsg *em)
{
    struct loop l = {.session = s, .report = r, .collapsed = s->state.collapse.in_a_row > 0};
    enum status st = step_before_save(s, em); /* for the saver's first copy */
    if (st == ST_OK)
        st = saver_open(s, &l.saver, em);
    if (st == ST_OK)
        st = step_after_save(s, em);
    s->run.walltime.stretch_s = s->state.stretch_s;
    s->run.walltime.noted_s = 0; /* the time to open a stage is not part of a step */
    if (st == ST_OK && comm_rank(s->run.comm) == 0)
        log_time(&l);
    if (st == ST_OK)
        st = run_steps(&l, em);
    saver_close(l.saver);
    return st;
}
