#include "recovery.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/log.h"
#include "feed.h"
#include "resume.h"
#include "run_folder.h"
#include "stage_open.h"
#include "validate.h"
#include "zero.h"

#include "base/poison.h"

enum { NAMES_MAX = 8, NAMES_BYTES = 600 };

/* "a, b, c and 5 more": the pictures of a person in the step that ended at s->state.position. */
static void list_names(const struct session *s, int person, char out[static NAMES_BYTES])
{
    int64_t batch = s->run.config.train.global_batch, shown = MIN(batch, NAMES_MAX);
    uint64_t first = s->state.position - (uint64_t)batch;
    size_t used = 0;
    out[0] = '\0';
    for (int64_t i = 0; i < shown && used < NAMES_BYTES; i++) {
        int64_t row = order_row_at(s->run.orders[person], first + (uint64_t)i);
        int n = snprintf(out + used, NAMES_BYTES - used, "%s%.60s", i > 0 ? ", " : "",
                         set_name(s->run.sets[person], row));
        used += n > 0 ? (size_t)n : 0;
    }
    if (shown < batch && used < NAMES_BYTES)
        snprintf(out + used, NAMES_BYTES - used, " and %" PRId64 " more", batch - shown);
}

void recovery_log_skipped(const struct session *s, const struct step_report *step)
{
    char names[2][NAMES_BYTES], reason[96];
    if (comm_rank(s->run.comm) != 0)
        return;
    if (!isfinite(step->losses.total))
        snprintf(reason, sizeof reason, "its loss is not a finite number");
    else if (step->judged_loss > step->loss_limit)
        snprintf(reason, sizeof reason, "its loss of %.4g is above %.4g", step->judged_loss,
                 step->loss_limit);
    else
        snprintf(reason, sizeof reason, "its gradient is not finite");
    feed_pause(s->stage.feed); /* it uses the orders, too */
    for (int p = 0; p < 2; p++)
        list_names(s, p, names[p]);
    log_warn("step %" PRId64 " skipped: %s (%d in a row, %" PRId64 " in all). Its pictures: A %s; "
             "B %s",
             s->state.step, reason, (int)s->state.guard.bad_in_a_row, s->state.guard.skipped,
             names[0], names[1]);
}

/* COLLECTIVE. Restores the state that the saver keeps. */
static enum status restore(struct session *s, struct saver *v, struct errmsg *em)
{
    enum status st = zero_prepare_load(&s->stage, em);
    if (st == ST_OK && comm_rank(s->run.comm) == 0)
        st = saver_go_back(v, em);
    st = comm_agree(s->run.comm, st, em);
    return st == ST_OK ? stage_share_state(&s->stage, &s->state, em) : st;
}

enum status recovery_go_back(struct session *s, struct saver *v, struct report *r,
                             struct errmsg *em)
{
    const struct guard now = s->state.guard;
    const struct config_guard *c = &s->run.config.guard;
    int64_t from = s->state.step;
    if (!guard_may_go_back(&now, c))
        return FAIL(em, ST_DIVERGED,
                    "training diverges: %d steps in a row up to step %" PRId64
                    " had to be skipped, after going back %d times. Look at the pictures named "
                    "above, lower train.lr (the factor on it is %g now) or loss weights; then "
                    "--resume auto goes on from the last checkpoint",
                    (int)now.bad_in_a_row, from, (int)now.rollbacks, now.lr_scale);
    enum status st = restore(s, v, em);
    if (st != ST_OK)
        return st;
    guard_go_back(&s->state.guard, &now, c);
    report_went_back(r);
    if (comm_rank(s->run.comm) == 0)
        log_warn("%d steps in a row were skipped: going back from step %" PRId64 " to step %" PRId64
                 ", with %g times the learning rate (%d of %" PRId64 " times)",
                 (int)now.bad_in_a_row, from, s->state.step, s->state.guard.lr_scale,
                 (int)s->state.guard.rollbacks, c->rollbacks);
    return ST_OK;
}

/* ---- Collapsed decoders ---------------------------------------------------------------------- */

enum { ADVICE_BYTES = 300 };

/* Writes what the user can try against a collapse. */
static void advise(const struct session *s, char out[static ADVICE_BYTES])
{
    static const double SAFE = 1e-3;
    char factor[64] = "";
    double lr = s->run.config.train.lr, scale = s->state.guard.lr_scale;
    if (scale < 1)
        snprintf(factor, sizeof factor, ", times %g since the run went back", scale);
    snprintf(out, ADVICE_BYTES,
             "Lower train.lr (now %g%s) to %.1g or less%s, let it rise slowly with "
             "train.warmup_steps, or find a rate with bifrons train CONFIG --find-lr",
             lr, factor, fmin(lr * scale / 10, SAFE),
             s->run.config.loss.adversarial > 0 ? ", lower loss.adversarial" : "");
}

bool recovery_is_due(const struct session *s)
{
    bool hands_on = session_stage_is_over(s) && !session_run_is_over(s);
    return s->run.config.guard.spike > 0 &&
           s->state.collapse.in_a_row >= (hands_on ? 1 : s->run.config.guard.patience);
}

/* The first warning has all details; later ones only say that it is still collapsed. */
void recovery_log_collapse(const struct session *s,
                           const struct collapse_view seen[static MODEL_PEOPLE])
{
    const struct collapse *c = &s->state.collapse;
    char text[COLLAPSE_TEXT_BYTES], advice[ADVICE_BYTES];
    int64_t patience = s->run.config.guard.patience;
    if (c->in_a_row == 0 || comm_rank(s->run.comm) != 0)
        return;
    if (c->in_a_row > 1) {
        log_warn("step %" PRId64 ": still collapsed at validation %d in a row: %s", s->state.step,
                 (int)c->in_a_row, collapse_who(c));
        return;
    }
    collapse_describe(c, seen, text);
    advise(s, advice);
    log_warn("step %" PRId64 ": %s. %s. After %" PRId64
             " such validation%s in a row (guard.patience) the run %s",
             s->state.step, text, advice, patience, PLURAL(patience),
             guard_may_go_back(&s->state.guard, &s->run.config.guard)
                 ? "goes back to its last good state, with a lower learning rate"
                 : "ends");
}

/* True if a validation was good. Then there is a good checkpoint, at least best.pt. */
static bool was_good(const struct train_state *t)
{
    return t->best_step > 0 && !isnan(t->collapse.best[MODEL_A]) &&
           !isnan(t->collapse.best[MODEL_B]);
}

void recovery_log_end(const struct session *s)
{
    char advice[ADVICE_BYTES], best[64] = "";
    if (s->run.config.guard.spike == 0 || s->state.collapse.in_a_row == 0)
        return;
    advise(s, advice);
    if (was_good(&s->state))
        snprintf(best, sizeof best, "; best.pt is of step %" PRId64, s->state.best_step);
    log_warn("the run has ended with %s collapsed: its last state cannot be used%s. %s; and start "
             "a new run (--out)",
             collapse_who(&s->state.collapse), best, advice);
}

/* Finds the newest checkpoint of this stage before step `limit`, on all ranks; -1: none. */
static enum status find_older(struct session *s, int64_t limit, int64_t *step_out,
                              char path[static PATH_BYTES_MAX], struct errmsg *em)
{
    int64_t step = -1;
    enum status st = ST_OK;
    path[0] = '\0';
    if (comm_rank(s->run.comm) == 0) {
        st = run_folder_older(s->run.out, limit, &step, path, em);
        if (step <= s->state.stage_step)
            step = -1;
    }
    st = comm_agree(s->run.comm, st, em);
    if (st == ST_OK)
        st = run_share_bytes(&s->run, &step, sizeof step, em);
    *step_out = step;
    return st;
}

static enum status load(struct session *s, const char *path, struct errmsg *em)
{
    struct resume found = {0};
    enum status st = zero_prepare_load(&s->stage, em);
    if (st == ST_OK)
        st = resume_find(s, path, &found, em);
    if (st == ST_OK)
        st = resume_load(s, &found, em);
    resume_release(&found);
    return st;
}

/* Loads an older state from disk, if the state that the saver keeps has collapsed, too (its
 * collapse was not known when it was kept). *found: there was one. */
static enum status load_older(struct session *s, struct saver *v, bool *found, struct errmsg *em)
{
    struct collapse_view seen[MODEL_PEOPLE];
    char path[PATH_BYTES_MAX];
    int64_t step = s->state.step;
    bool collapsed = true;
    *found = false;
    watchdog_enter(s->run.watchdog, WATCH_SAVE, step); /* it may take as long as a save */
    (void)saver_finish(v); /* a checkpoint that is being written may have to be set aside */
    while (collapsed) {
        watchdog_enter(s->run.watchdog, WATCH_SAVE, s->state.step);
        enum status st = find_older(s, step, &step, path, em);
        if (st != ST_OK || step < 0)
            return st;
        struct errmsg refused = {0};
        st = load(s, path, &refused);
        if (st == ST_DATA) {
            if (comm_rank(s->run.comm) == 0)
                log_warn("checkpoint refused: %s", refused.text);
            continue;
        }
        if (st != ST_OK)
            return FAIL(em, st, "%s", refused.text);
        st = validate_check_collapse(s, seen, &collapsed, em);
        if (st != ST_OK)
            return st;
    }
    *found = true;
    watchdog_enter(s->run.watchdog, WATCH_SAVE, s->state.step);
    if (comm_rank(s->run.comm) == 0) {
        run_folder_set_aside(s->run.out, step);
        run_folder_relink(s->run.out, step, s->state.best_step);
    }
    enum status st = step_before_save(s, em);
    if (st == ST_OK)
        st = comm_agree(s->run.comm, saver_keep(v, em), em);
    return st == ST_OK ? step_after_save(s, em) : st;
}

/* goes_on: a resume can continue from some state. */
static enum status give_up(const struct session *s, const struct train_state *now, const char *why,
                           bool goes_on, struct errmsg *em)
{
    char advice[ADVICE_BYTES];
    advise(s, advice);
    return FAIL(em, ST_DIVERGED,
                "training has failed: %s collapsed, at %d validation%s in a row up to step %" PRId64
                ", %s. %s; %s",
                collapse_who(&now->collapse), (int)now->collapse.in_a_row,
                PLURAL(now->collapse.in_a_row), now->step, why, advice,
                goes_on ? "then --resume auto goes on from the last checkpoint"
                        : "and start a new run (--out)");
}

enum status recovery_leave_collapse(struct session *s, struct saver *v, struct report *r,
                                    struct errmsg *em)
{
    const struct train_state now = s->state;
    const struct config_guard *c = &s->run.config.guard;
    struct collapse_view seen[MODEL_PEOPLE];
    bool collapsed = false, found = true;
    char times[64];
    snprintf(times, sizeof times, "after going back %d time%s", (int)now.guard.rollbacks,
             PLURAL(now.guard.rollbacks));
    if (!guard_may_go_back(&now.guard, c))
        return give_up(s, &now, times, was_good(&now), em);
    enum status st = restore(s, v, em);
    if (st == ST_OK)
        st = validate_check_collapse(s, seen, &collapsed, em);
    if (st == ST_OK && collapsed)
        st = load_older(s, v, &found, em);
    if (st == ST_OK && !found)
        return give_up(s, &now, "and no state from before that is left", false, em);
    if (st != ST_OK)
        return st;
    guard_go_back(&s->state.guard, &now.guard, c);
    s->state.collapse.in_a_row = 0;
    report_went_back(r);
    if (comm_rank(s->run.comm) == 0)
        log_warn(
            "%s collapsed and did not recover in %d validation%s: going back from step %" PRId64
            " to step %" PRId64 ", with %g times the learning rate (%d of %" PRId64 " times)",
            collapse_who(&now.collapse), (int)now.collapse.in_a_row, PLURAL(now.collapse.in_a_row),
            now.step, s->state.step, s->state.guard.lr_scale, (int)s->state.guard.rollbacks,
            c->rollbacks);
    return ST_OK;
}
