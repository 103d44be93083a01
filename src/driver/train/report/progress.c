#include "progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"

#include "base/poison.h"

static const double redraw_every_s = 0.1, half_life_s = 20.0;

static double now(const struct progress *p)
{
    return p->options.clock ? p->options.clock(p->options.ctx) : clock_seconds();
}

static bool is_terminal(const struct progress *p)
{
    return p->options.show ? p->options.terminal : log_is_terminal();
}

static void show(const struct progress *p, bool redraw, const char *line)
{
    if (p->options.show)
        p->options.show(p->options.ctx, redraw, line);
    else if (redraw)
        log_progress("%s", line);
    else
        log_info("%s", line);
}

void progress_init(struct progress *p, const struct progress_options *o)
{
    *p = (struct progress){
        .options = *o, .val = NAN, .val_best = NAN, .recon_l1 = NAN, .swap_l1 = NAN};
    p->identity[MODEL_A] = p->identity[MODEL_B] = NAN;
    p->last.step = o->first_step;
    p->started_s = p->step_started_s = now(p);
}

/* --- Rates ------------------------------------------------------------------------------------ */

static void take_time(struct progress *p, double step_s, double wait_s)
{
    double kept = exp2(-step_s / half_life_s);
    p->steps_sum = p->steps_sum * kept + 1.0;
    p->time_sum = p->time_sum * kept + step_s;
    p->wait_sum = p->wait_sum * kept + wait_s;
    p->time_total_s += step_s;
    p->steps_timed++;
}

double progress_images_per_s(const struct progress *p)
{
    return p->time_sum > 0.0 ? (double)p->options.images_per_step * p->steps_sum / p->time_sum : 0;
}

static double time_of(const struct progress *p, double steps)
{
    if (p->steps_timed == 0)
        return -1.0;
    double step_s = p->time_sum / p->steps_sum + p->pause_total_s / (double)p->steps_timed;
    double time_s = steps * step_s;
    if (p->options.time_limit_s > 0.0)
        time_s =
            MIN(time_s, MAX(p->options.time_limit_s - (p->step_started_s - p->started_s), 0.0));
    return time_s;
}

static double steps_left(const struct progress *p)
{
    return (double)MAX(p->options.total_steps - p->last.step, 0);
}

double progress_stage_left_s(const struct progress *p)
{
    return time_of(p, steps_left(p));
}

double progress_run_left_s(const struct progress *p)
{
    return time_of(p, steps_left(p) + p->options.steps_to_come);
}

/* --- Text ------------------------------------------------------------------------------------- */

/* Appends to a line and cuts it if it is too long. */
static void add(char out[static PROGRESS_LINE_BYTES], const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(char out[static PROGRESS_LINE_BYTES], const char *fmt, ...)
{
    size_t used = strlen(out);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out + used, PROGRESS_LINE_BYTES - used, fmt, ap);
    va_end(ap);
}

static double weighted_loss(const struct progress *p, int person)
{
    double sum = 0.0;
    for (int i = 0; i < MODEL_LOSSES; i++)
        if (p->options.loss_weight[i] != 0.0)
            sum += p->options.loss_weight[i] * p->last.losses.term[person][i];
    return sum;
}

static void add_loss(const struct progress *p, char out[static PROGRESS_LINE_BYTES])
{
    add(out, "  loss %.4f (A %.4f B %.4f)", p->last.losses.total, weighted_loss(p, MODEL_A),
        weighted_loss(p, MODEL_B));
}

static void add_val(const struct progress *p, char out[static PROGRESS_LINE_BYTES])
{
    if (!isnan(p->val))
        add(out, "  val %.4f", p->val);
    if (!isnan(p->recon_l1))
        add(out, " (L1 recon %.4f", p->recon_l1);
    if (!isnan(p->recon_l1) && !isnan(p->swap_l1))
        add(out, " swap %.4f", p->swap_l1);
    if (!isnan(p->recon_l1))
        add(out, ")");
}

static void add_identity(const struct progress *p, char out[static PROGRESS_LINE_BYTES])
{
    if (!isnan(p->identity[MODEL_A]) && !isnan(p->identity[MODEL_B]))
        add(out, "  identity %.2f/%.2f", p->identity[MODEL_A], p->identity[MODEL_B]);
}

static void add_rate(double images_per_s, char out[static PROGRESS_LINE_BYTES])
{
    add(out, "  %.*f images/s", images_per_s < 10.0 ? 1 : 0, images_per_s);
}

static void add_time_left(const struct progress *p, char out[static PROGRESS_LINE_BYTES])
{
    double stage_s = progress_stage_left_s(p), run_s = progress_run_left_s(p);
    char left[32];
    clock_format_duration(stage_s, left, sizeof left);
    add(out, "  %s left", left);
    if (run_s <= stage_s) /* no stage follows, or there is no time for one */
        return;
    clock_format_duration(run_s, left, sizeof left);
    add(out, " in this stage, about %s in all", left);
}

void progress_format(const struct progress *p, char out[static PROGRESS_LINE_BYTES])
{
    out[0] = '\0';
    if (p->options.stage[0])
        add(out, "%s  ", p->options.stage);
    add(out, "epoch %lld/%lld  step %lld/%lld", (long long)p->last.epoch,
        (long long)p->options.epochs, (long long)p->last.step, (long long)p->options.total_steps);
    add_loss(p, out);
    add_val(p, out);
    add_identity(p, out);
    if (p->last.gpu_bytes > 0)
        add(out, "  %.1f GiB", (double)p->last.gpu_bytes / (1 << 30));
    if (p->steps_timed == 0)
        return;
    add_rate(progress_images_per_s(p), out);
    if (p->time_sum > 0.0)
        add(out, "  data %.1f %%", 100.0 * p->wait_sum / p->time_sum);
    add_time_left(p, out);
}

/* --- Events ----------------------------------------------------------------------------------- */

static void show_when_due(struct progress *p, double time_s)
{
    bool terminal = is_terminal(p);
    double every_s = terminal ? redraw_every_s : p->options.every_s;
    /* the first step is slower (warm-up): the first plain line waits for the second step */
    bool due = p->shown ? time_s - p->shown_s >= every_s : terminal || p->steps_timed > 0;
    if (!due)
        return;
    char line[PROGRESS_LINE_BYTES];
    progress_format(p, line);
    show(p, terminal, line);
    p->shown = true;
    p->shown_s = time_s;
}

void progress_step(struct progress *p, const struct progress_update *u)
{
    double time_s = now(p);
    if (p->steps_seen++ > 0)
        take_time(p, time_s - p->step_started_s, u->data_wait_s);
    p->step_started_s = time_s;
    p->last = *u;
    show_when_due(p, time_s);
}

void progress_pause(struct progress *p)
{
    p->pause_started_s = now(p);
}

void progress_continue(struct progress *p)
{
    double time_s = now(p);
    p->pause_total_s += time_s - p->pause_started_s;
    p->step_started_s = time_s;
}

void progress_set_val(struct progress *p, const struct progress_val *val)
{
    p->val = val->loss;
    p->recon_l1 = val->recon_l1;
    p->swap_l1 = val->swap_l1;
    if (!isnan(p->val) && !(p->val_best <= p->val)) {
        p->val_best = p->val;
        p->val_best_step = p->last.step;
    }
}

void progress_set_identity(struct progress *p, const double of[static MODEL_PEOPLE])
{
    for (int person = 0; person < MODEL_PEOPLE; person++)
        p->identity[person] = of[person];
}

void progress_finish(struct progress *p)
{
    char line[PROGRESS_LINE_BYTES] = "", took[32];
    if (is_terminal(p))
        show(p, true, "");
    clock_format_duration(now(p) - p->started_s, took, sizeof took);
    if (p->options.stage[0])
        add(line, "%s: ", p->options.stage);
    add(line, "%lld step%s in %s", (long long)p->steps_seen, PLURAL(p->steps_seen), took);
    if (p->steps_seen > 0)
        add_loss(p, line);
    add_val(p, line);
    if (!isnan(p->val_best) && p->val_best < p->val)
        add(line, " (best %.4f at step %lld)", p->val_best, (long long)p->val_best_step);
    add_identity(p, line);
    if (p->time_total_s > 0.0)
        add_rate((double)(p->options.images_per_step * p->steps_timed) / p->time_total_s, line);
    show(p, false, line);
}
