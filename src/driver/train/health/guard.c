#include "guard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

static const double NORMAL_PER_MAD = 1.4826, DEVIATION_MIN = 0.05;

void guard_init(struct guard *g)
{
    *g = (struct guard){.lr_scale = 1};
}

void guard_forget_losses(struct guard *g)
{
    g->n = g->next = 0;
    memset(g->window, 0, sizeof g->window);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* n > 0. Sorts the numbers. */
static double median(double *numbers, int n)
{
    qsort(numbers, (size_t)n, sizeof *numbers, compare);
    return n % 2 ? numbers[n / 2] : 0.5 * (numbers[n / 2 - 1] + numbers[n / 2]);
}

double guard_limit(const struct guard *g, const struct config_guard *c)
{
    double sorted[GUARD_WINDOW];
    if (c->spike == 0 || g->n < GUARD_WINDOW_MIN)
        return INFINITY;
    memcpy(sorted, g->window, (size_t)g->n * sizeof *sorted);
    double middle = median(sorted, g->n);
    for (int i = 0; i < g->n; i++)
        sorted[i] = fabs(g->window[i] - middle);
    double deviation = fmax(NORMAL_PER_MAD * median(sorted, g->n), DEVIATION_MIN * middle);
    return middle + c->spike * deviation;
}

enum guard_verdict guard_judge(struct guard *g, const struct config_guard *c, double loss,
                               bool finite_gradient)
{
    if (isfinite(loss) && finite_gradient && loss <= guard_limit(g, c)) {
        g->window[g->next] = loss;
        g->next = (g->next + 1) % GUARD_WINDOW;
        g->n = MIN(g->n + 1, GUARD_WINDOW);
        g->bad_in_a_row = 0;
        return GUARD_GOOD;
    }
    g->skipped++;
    g->bad_in_a_row++;
    return g->bad_in_a_row >= c->patience ? GUARD_GO_BACK : GUARD_SKIP;
}

bool guard_may_go_back(const struct guard *g, const struct config_guard *c)
{
    return g->rollbacks < c->rollbacks;
}

void guard_go_back(struct guard *g, const struct guard *now, const struct config_guard *c)
{
    g->rollbacks = now->rollbacks + 1;
    g->skipped = now->skipped;
    g->lr_scale = now->lr_scale * c->lr_factor;
    g->bad_in_a_row = 0;
}
