#include "lr_curve.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"

#include "base/poison.h"

/* A loss above this times the least one, and above the first one, has diverged. The factor is small
 * because outputs between 0 and 1 bound the loss. */
static const double DIVERGED = 1.5;
/* If the least loss is above this share of the first one, the loss has not fallen. */
static const double FALLEN = 0.95;
static const double SUGGESTED = 0.1, SUGGESTED_PEAK = 1; /* times the rate of the least loss */

enum status lr_curve_init(struct lr_curve *c, int64_t steps, struct errmsg *em)
{
    *c = (struct lr_curve){.steps = steps, .least = INFINITY};
    c->losses = calloc((size_t)steps, sizeof *c->losses);
    return c->losses ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
}

void lr_curve_release(struct lr_curve *c)
{
    free(c->losses);
    *c = (struct lr_curve){0};
}

double lr_curve_rate(const struct lr_curve *c, int64_t step)
{
    double share = (double)step / (double)(c->steps - 1);
    return LR_CURVE_LOWEST * pow(LR_CURVE_HIGHEST / LR_CURVE_LOWEST, share);
}

/* How many steps on each side are smoothed over: a quarter of a decade. */
static int64_t reach(const struct lr_curve *c)
{
    double decades = log10(LR_CURVE_HIGHEST / LR_CURVE_LOWEST);
    return MAX((int64_t)((double)c->steps / decades / 4), 1);
}

double lr_curve_smoothed(const struct lr_curve *c, int64_t step)
{
    int64_t first = MAX(step - reach(c), 0), end = MIN(step + reach(c) + 1, c->n);
    double sum = 0;
    for (int64_t i = first; i < end; i++)
        sum += c->losses[i];
    return sum / (double)(end - first);
}

/* The slope of the best line through the losses around a step, up to a factor that is the same for
 * all steps. */
static double slope(const struct lr_curve *c, int64_t step)
{
    double sum = 0;
    for (int64_t i = -reach(c); i <= reach(c); i++)
        sum += (double)i * c->losses[step + i];
    return sum;
}

void lr_curve_add(struct lr_curve *c, double loss)
{
    c->diverged = !isfinite(loss);
    if (c->diverged)
        return;
    c->losses[c->n++] = loss;
    int64_t middle = c->n - 1 - reach(c);
    if (middle < reach(c))
        return;
    double smoothed = lr_curve_smoothed(c, middle);
    c->least = fmin(c->least, smoothed);
    c->diverged = smoothed > DIVERGED * c->least && smoothed > lr_curve_smoothed(c, reach(c));
}

bool lr_curve_is_over(const struct lr_curve *c)
{
    return c->diverged || c->n == c->steps;
}

struct lr_verdict lr_curve_judge(const struct lr_curve *c, bool for_peak)
{
    int64_t first = reach(c), end = c->n - reach(c);
    struct lr_verdict none = {-1, -1, 0}, v = {first, first, 0};
    for (int64_t i = first; i < end; i++)
        if (lr_curve_smoothed(c, i) < lr_curve_smoothed(c, v.least))
            v.least = i;
    if (end <= first || lr_curve_smoothed(c, v.least) > FALLEN * lr_curve_smoothed(c, first))
        return none;
    for (int64_t i = first; i <= v.least; i++)
        if (slope(c, i) < slope(c, v.steepest))
            v.steepest = i;
    v.suggestion = (for_peak ? SUGGESTED_PEAK : SUGGESTED) * lr_curve_rate(c, v.least);
    return v;
}
