#include "watchdog_judge.h"

#include "base/checked.h"

#include "base/poison.h"

enum { GONE_S = 3, LEARN_FROM = 8, LEARN_FACTOR = 20, LEARN_LEAST_S = 60 };

double watchdog_learn(unsigned n, double longest_s, double timeout_s)
{
    if (n < LEARN_FROM)
        return timeout_s;
    return MIN(MAX(longest_s * LEARN_FACTOR, (double)LEARN_LEAST_S), timeout_s);
}

/* The share of its deadline that a rank has used; 0 while it waits for others. */
static double used(const struct watchdog_view *v)
{
    if (!v->known || v->ended)
        return 0;
    if (v->state == PROCESS_GONE)
        return v->still_s / GONE_S;
    if (v->deadline_s <= 0 || (v->waiting && v->state == PROCESS_ALIVE))
        return 0;
    return v->still_s / v->deadline_s;
}

static bool waits(const struct watchdog_view *v)
{
    return v->waiting && v->state == PROCESS_ALIVE && v->deadline_s > 0;
}

/* The time for which all known ranks have waited; 0 if one of them works. */
static double all_wait_s(const struct watchdog_view *views, int n)
{
    double least = 0;
    bool any = false;
    for (int r = 0; r < n; r++) {
        if (!views[r].known || views[r].ended)
            continue;
        if (!waits(&views[r]))
            return 0;
        least = any ? MIN(least, views[r].still_s) : views[r].still_s;
        any = true;
    }
    return least;
}

/* The one rank that has begun fewer collectives than the others, or -1. */
static int find_lagging(const struct watchdog_view *views, int n)
{
    int last = -1;
    bool behind = false;
    for (int r = 0; r < n; r++) {
        if (!views[r].known || views[r].ended)
            continue;
        if (last >= 0 && views[r].sequence != views[last].sequence)
            behind = true;
        if (last < 0 || views[r].sequence < views[last].sequence)
            last = r;
    }
    return behind ? last : -1;
}

enum watchdog_verdict watchdog_judge(const struct watchdog_view *views, int n, double timeout_s,
                                     int *culprit)
{
    double most = 0;
    *culprit = -1;
    for (int r = 0; r < n; r++)
        if (used(&views[r]) > most) {
            most = used(&views[r]);
            *culprit = r;
        }
    double waited = all_wait_s(views, n) / timeout_s;
    if (waited > most) {
        most = waited;
        *culprit = find_lagging(views, n);
    }
    return most >= 1 ? WATCHDOG_STILL : most >= 0.5 ? WATCHDOG_SLOW : WATCHDOG_WELL;
}
