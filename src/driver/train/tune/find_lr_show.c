/* The result of a learning rate range test: as a table, as JSON, as a chart. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/json.h"
#include "data/chart.h"
#include "find_lr.h"
#include "lr_curve.h"

#include "base/poison.h"

enum { ROWS = 24, TEXT_BYTES = 256 };

static bool has_peak(const struct session *s)
{
    return s->run.config.train.schedule == SCHEDULE_ONE_CYCLE;
}

static struct lr_verdict verdict_of(const struct session *s, const struct lr_curve *c)
{
    return lr_curve_judge(c, has_peak(s));
}

static void print_rows(const struct lr_curve *c)
{
    int64_t every = MAX(c->steps / ROWS, 1);
    printf("%8s  %10s  %10s\n", "lr", "loss", "smoothed");
    for (int64_t i = 0; i < c->n; i += every)
        printf("%8.1e  %10.5g  %10.5g\n", lr_curve_rate(c, i), c->losses[i],
               lr_curve_smoothed(c, i));
}

static void print_verdict(const struct session *s, const struct lr_curve *c)
{
    const struct lr_verdict v = verdict_of(s, c);
    if (c->diverged)
        printf("\nended after %" PRId64 " steps, by a loss far above the least one or not finite\n",
               c->n);
    if (v.suggestion == 0) {
        printf("\nno suggestion: the loss has not fallen. More steps may show more: "
               "--find-lr=%" PRId64 "\n",
               2 * c->steps);
        return;
    }
    printf("\nleast loss at %.1e, steepest descent at %.1e\n", lr_curve_rate(c, v.least),
           lr_curve_rate(c, v.steepest));
    printf("suggested, %s: %s = %.1e (configured: %g)\n",
           has_peak(s) ? "the first, for the peak of one_cycle" : "a tenth of the first",
           s->run.config.train.stages.n > 0 ? "lr of stage 1 of train.stages" : "train.lr",
           v.suggestion, s->run.config.train.lr);
}

void find_lr_print(const struct session *s, const struct lr_curve *c)
{
    print_rows(c);
    print_verdict(s, c);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* If out of memory, a value is NULL; then every object that contains it is NULL. */
static json_t *points_json(const struct lr_curve *c)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < c->n; i++)
        json_array_append_new(list, json_pack("{s:f, s:f, s:f}", "lr", lr_curve_rate(c, i), "loss",
                                              c->losses[i], "smoothed", lr_curve_smoothed(c, i)));
    return list;
}

static json_t *rate_json(const struct lr_curve *c, int64_t step)
{
    return step < 0 ? json_null() : json_real(lr_curve_rate(c, step));
}

enum status find_lr_print_json(const struct session *s, const struct lr_curve *c, struct errmsg *em)
{
    const struct lr_verdict v = verdict_of(s, c);
    json_t *o = json_pack("{s:o, s:o, s:o, s:f, s:b, s:I, s:o}", "suggestion",
                          v.suggestion > 0 ? json_real(v.suggestion) : json_null(), "least",
                          rate_json(c, v.least), "steepest", rate_json(c, v.steepest), "configured",
                          s->run.config.train.lr, "diverged", (int)c->diverged, "steps",
                          (json_int_t)c->steps, "points", points_json(c));
    return json_print(stdout, o, JSON_INDENT(2), em);
}

/* ---- Chart ----------------------------------------------------------------------------------- */

static enum status draw(const char *path, const struct session *s, const struct lr_curve *c,
                        double *memory, struct errmsg *em)
{
    const struct lr_verdict v = verdict_of(s, c);
    double *rates = memory, *smoothed = memory + c->n;
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < c->n; i++) {
        rates[i] = lr_curve_rate(c, i);
        smoothed[i] = lr_curve_smoothed(c, i);
        low = fmin(low, smoothed[i]);
        high = fmax(high, smoothed[i]);
    }
    const double at[] = {v.suggestion, v.suggestion}, height[] = {low, high};
    const struct chart_line lines[] = {
        {"loss",      false, (size_t)c->n,              rates, smoothed, false},
        {"suggested", true,  v.suggestion > 0 ? 2u : 0, at,    height,   false},
    };
    const struct chart_panel panel = {
        "Loss, smoothed",
        {"learning rate", 10, 0, 0},
        {"loss",          0,  0, 0},
        lines,
        ARRAY_LENGTH(lines)
    };
    char subtitle[TEXT_BYTES];
    struct picture picture;
    snprintf(subtitle, sizeof subtitle,
             "Learning rate range test, %" PRId64 " of %" PRId64 " steps of %" PRId64 " + %" PRId64
             " pictures of %d px",
             c->n, c->steps, s->run.config.train.global_batch, s->run.config.train.global_batch,
             s->run.config.model.image_size);
    enum status st = chart_draw(s->run.config.name, subtitle, &panel, 1, &picture, em);
    if (st != ST_OK)
        return st;
    st = picture_write_png(path, &picture, NULL, em);
    picture_release(&picture);
    return st;
}

enum status find_lr_draw(const char *path, const struct session *s, const struct lr_curve *c,
                         struct errmsg *em)
{
    double *memory = calloc((size_t)c->n + 1, 2 * sizeof *memory);
    enum status st =
        memory ? draw(path, s, c, memory, em) : FAIL(em, ST_MEMORY, "out of memory for a chart");
    free(memory);
    return st;
}
