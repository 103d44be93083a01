#include "batch_trials.h"

#include <math.h>
#include <stdbool.h>

#include "base/checked.h"

#include "base/poison.h"

/* A smaller gain is noise. */
static const double GAIN = 1.05;
/* Allocators round up, and libraries choose other algorithms for other sizes. */
static const double MARGIN = 1.5;

int64_t batch_trials_next(const struct batch_trials *t)
{
    return t->n > 0 ? 2 * t->list[t->n - 1].pairs : 1;
}

double batch_trials_growth(const struct batch_trials *t, double planned)
{
    double measured = t->n > 1 ? 2 * (t->list[t->n - 1].peak - t->list[t->n - 2].peak) : 0;
    return MARGIN * fmax(measured, planned);
}

/* The fastest speed of the trials before end. */
static double fastest(const struct batch_trials *t, size_t end)
{
    double most = 0;
    for (size_t i = 0; i < end; i++)
        most = fmax(most, t->list[i].images_per_s);
    return most;
}

enum batch_end batch_trials_end(const struct batch_trials *t, int64_t pairs_most)
{
    if (batch_trials_next(t) > pairs_most)
        return BATCH_PICTURES;
    bool settled = t->n > 2 && fastest(t, t->n) < GAIN * fastest(t, t->n - 2);
    return settled ? BATCH_SPEED : BATCH_GOES_ON;
}

size_t batch_trials_best(const struct batch_trials *t)
{
    size_t i = 0;
    while (GAIN * t->list[i].images_per_s < fastest(t, t->n))
        i++;
    return i;
}
