#include "find_lr.h"

#include <inttypes.h>
#include <math.h>

#include "base/log.h"
#include "data/picture.h"
#include "lr_curve.h"
#include "signals.h"
#include "step.h"

#include "base/poison.h"

/* Logs the progress at intervals, on rank 0. */
static void log_step(const struct session *s, const struct lr_curve *c)
{
    int64_t every = (c->steps + 9) / 10;
    if (comm_rank(s->run.comm) == 0 && c->n % every == 0)
        log_info("step %" PRId64 " of %" PRId64 ": learning rate %.1e, loss %.4f", c->n, c->steps,
                 lr_curve_rate(c, c->n - 1), lr_curve_smoothed(c, c->n - 1));
}

/* The loss of a step is from before its update: it shows the effect of the earlier rates. */
static enum status run(struct session *s, struct lr_curve *c, struct errmsg *em)
{
    struct step_report step = {0};
    while (!lr_curve_is_over(c)) {
        s->run.fixed_lr = lr_curve_rate(c, c->n);
        watchdog_enter(s->run.watchdog, WATCH_STEP, s->state.step + 1);
        enum status st = step_run(s, signals_pending() ? STEP_FLAG_STOP : 0, &step, em);
        if (st != ST_OK)
            return st;
        if (step.flags & STEP_FLAG_STOP)
            return FAIL(em, ST_INTERRUPTED,
                        "stopped after step %" PRId64 " of %" PRId64
                        " of the learning rate range test; nothing is kept",
                        s->state.step, c->steps);
        /* the guard has no limit here: it skips only steps that are not finite */
        lr_curve_add(c, step.verdict == GUARD_GOOD ? step.judged_loss : NAN);
        log_step(s, c);
    }
    return ST_OK;
}

static enum status show(const struct session *s, const struct find_lr_options *o,
                        const struct lr_curve *c, struct errmsg *em)
{
    enum status st = ST_OK;
    if (o->json)
        st = find_lr_print_json(s, c, em);
    else
        find_lr_print(s, c);
    return st == ST_OK && o->chart[0] ? find_lr_draw(o->chart, s, c, em) : st;
}

enum status find_lr(struct session *s, const struct find_lr_options *o, struct errmsg *em)
{
    struct lr_curve curve = {0};
    bool draws = comm_rank(s->run.comm) == 0 && o->chart[0];
    enum status st = draws ? picture_check_output(o->chart, em) : ST_OK;
    if (st == ST_OK)
        st = lr_curve_init(&curve, o->steps, em);
    st = comm_agree(s->run.comm, st, em);
    s->run.config.guard.spike = 0;
    if (st == ST_OK && comm_rank(s->run.comm) == 0)
        log_info("learning rate range test: up to %" PRId64 " steps from %.0e to %.0e", o->steps,
                 LR_CURVE_LOWEST, LR_CURVE_HIGHEST);
    if (st == ST_OK)
        st = run(s, &curve, em);
    watchdog_enter(s->run.watchdog, WATCH_END, s->state.step);
    if (st == ST_OK)
        st = comm_agree(s->run.comm, comm_rank(s->run.comm) == 0 ? show(s, o, &curve, em) : ST_OK,
                        em);
    lr_curve_release(&curve);
    return st;
}
