/* Who holds up the job? A decision about what is known of the ranks, and nothing else. */
#ifndef BIFRONS_COMM_WATCHDOG_JUDGE_H
#define BIFRONS_COMM_WATCHDOG_JUDGE_H

#include "process.h"

/* A rank, as somebody sees it. */
struct watchdog_view {
    bool known; /* something is: ranks on other hosts may be unseen */
    bool ended; /* in order */
    enum process_state state;
    bool waiting;      /* for a collective, that is for other ranks */
    double still_s;    /* since it last did something */
    double deadline_s; /* of what it does by itself; 0: none */
    uint64_t sequence; /* of the last collective it began */
};

enum watchdog_verdict {
    WATCHDOG_WELL,
    WATCHDOG_SLOW, /* half of a deadline is over */
    WATCHDOG_STILL
};

/*
 * A rank that works, or is stopped, has the deadline of its phase; one that is gone, a few seconds.
 * A rank that waits is held up by another: timeout_s counts for it only if all that are known wait,
 * and then the culprit is the one that lags behind. *culprit is -1 where there is none to be named.
 */
enum watchdog_verdict watchdog_judge(const struct watchdog_view *views, int n, double timeout_s,
                                     int *culprit);

/* The deadline of a phase that has happened n times, longest_s at most: timeout_s, or sooner. */
double watchdog_learn(unsigned n, double longest_s, double timeout_s);

#endif
