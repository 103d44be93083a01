#include "recovery.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/log.h"
#include "zero.h"

#include "base/poison.h"

enum { NAMES_MAX = 8, NAMES_BYTES = 600 };

/* "a, b, c and 5 more": the pictures of a person in the step that ended at s->state.position. */
static void list_names(const struct session *s, int person, char out[static NAMES_BYTES])
{
    int64_t batch = s->config.train.global_batch, shown = MIN(batch, NAMES_MAX);
    uint64_t first = s->state.position - (uint64_t)batch;
    size_t used = 0;
    out[0] = '\0';
    for (int64_t i = 0; i < shown && used < NAMES_BYTES; i++) {
        int64_t row = order_row_at(s->orders[person], first + (uint64_t)i);
        int n = snprintf(out + used, NAMES_BYTES - used, "%s%.60s", i > 0 ? ", " : "",
                         set_name(s->sets[person], row));
        used += n > 0 ? (size_t)n : 0;
    }
    if (shown < batch && used < NAMES_BYTES)
        snprintf(out + used, NAMES_BYTES - used, " and %" PRId64 " more", batch - shown);
}

void recovery_tell_skipped(const struct session *s, const struct step_report *step)
{
    char names[2][NAMES_BYTES], reason[96];
    if (comm_rank(s->comm) != 0)
        return;
    if (!isfinite(step->losses.total))
        snprintf(reason, sizeof reason, "its loss is not a finite number");
    else if (step->judged_loss > step->loss_limit)
        snprintf(reason, sizeof reason, "its loss of %.4g is above %.4g", step->judged_loss,
                 step->loss_limit);
    else
        snprintf(reason, sizeof reason, "its gradient is not finite");
    for (int p = 0; p < 2; p++)
        list_names(s, p, names[p]);
    log_warn("step %" PRId64 " left out: %s (%d in a row, %" PRId64 " in all). Its pictures: A %s; "
             "B %s",
             s->state.step, reason, (int)s->state.guard.bad_in_a_row, s->state.guard.skipped,
             names[0], names[1]);
}

enum status recovery_go_back(struct session *s, struct saver *v, struct report *r,
                             struct errmsg *em)
{
    const struct guard now = s->state.guard;
    const struct config_guard *c = &s->config.guard;
    int64_t from = s->state.step;
    if (!guard_may_go_back(&now, c))
        return FAIL(em, ST_DIVERGED,
                    "training diverges: %d steps in a row up to step %" PRId64
                    " had to be left out, after going back %d times. Look at the pictures named "
                    "above, lower train.lr (the factor on it is %g now) or loss weights; then "
                    "--resume auto goes on from the last checkpoint",
                    (int)now.bad_in_a_row, from, (int)now.rollbacks, now.lr_scale);
    enum status st = zero_prepare_load(s, em);
    if (st == ST_OK && comm_rank(s->comm) == 0)
        st = saver_go_back(v, em);
    st = comm_agree(s->comm, st, em);
    if (st == ST_OK)
        st = session_share_state(s, em);
    if (st != ST_OK)
        return st;
    guard_go_back(&s->state.guard, &now, c);
    report_went_back(r);
    if (comm_rank(s->comm) == 0)
        log_warn("%d steps in a row were left out: going back from step %" PRId64
                 " to step %" PRId64 ", with %g times the learning rate (%d of %" PRId64 " times)",
                 (int)now.bad_in_a_row, from, s->state.step, s->state.guard.lr_scale,
                 (int)s->state.guard.rollbacks, c->rollbacks);
    return ST_OK;
}
