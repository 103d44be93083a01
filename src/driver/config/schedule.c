#include "schedule.h"

#include <math.h>

#include "base/checked.h"
#include "config.h"

#include "base/poison.h"

/* PyTorch's defaults */
static const double div_factor = 25.0, final_div_factor = 1e4;

static const double pi = 3.14159265358979323846;

/* Half a cosine from start (share 0) to end (share 1). */
static double anneal(double start, double end, double share)
{
    return end + (start - end) / 2.0 * (1.0 + cos(pi * share));
}

/* Steps of the rise; may be a fraction. */
static double rising(const struct config *c, double total)
{
    return c->train.warmup_steps > 0 ? (double)c->train.warmup_steps : c->train.warmup * total;
}

/*
 * With n = step - 1 (PyTorch's last_epoch), up = the steps of rising - 1, last = total - 1:
 *   n <= up:  anneal(lr/25, lr, n / up)
 *   n >  up:  anneal(lr, lr/25/1e4, (n - up) / (last - up))
 */
static double one_cycle(double lr, double rise, double n, double total)
{
    double low = lr / div_factor, lowest = low / final_div_factor;
    double up = rise - 1.0, last = total - 1.0;
    if (n <= up)
        return up > 0.0 ? anneal(low, lr, n / up) : lr;
    return last > up ? anneal(lr, lowest, (n - up) / (last - up)) : lowest;
}

static double cosine(double lr, double up, double n, double total)
{
    if (n < up)
        return lr * MIN((n + 1.0) / up, 1.0);
    return anneal(lr, 0.0, (n - up) / (total - up));
}

double schedule_lr(const struct config *c, int64_t step, int64_t total_steps)
{
    double total = (double)MAX(total_steps, 1);
    double n = MIN((double)MAX(step - 1, 0), total - 1.0);
    switch ((enum config_schedule)c->train.schedule) {
    case SCHEDULE_ONE_CYCLE:
        return one_cycle(c->train.lr, rising(c, total), n, total);
    case SCHEDULE_COSINE:
        return cosine(c->train.lr, rising(c, total), n, total);
    case SCHEDULE_CONSTANT:
        break;
    }
    return c->train.lr * MIN((n + 1.0) / (double)MAX(c->train.warmup_steps, 1), 1.0);
}
