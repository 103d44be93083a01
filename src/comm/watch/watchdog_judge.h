/* Decides which rank holds up the job, from the states of all ranks. Pure functions. */
#ifndef BIFRONS_COMM_WATCHDOG_JUDGE_H
#define BIFRONS_COMM_WATCHDOG_JUDGE_H

#include "process.h"

/* The state of a rank, as another rank sees it. */
struct watchdog_view {
    bool known; /* false: nothing has been heard of this rank on another node */
    bool ended; /* has ended in order */
    enum process_state state;
    bool waiting;      /* waits in a collective, that is for other ranks */
    double still_s;    /* seconds since it last did something */
    double deadline_s; /* of its phase; 0: none */
    uint64_t sequence; /* of the last collective that it began */
};

enum watchdog_verdict {
    WATCHDOG_WELL,
    WATCHDOG_SLOW, /* half of a deadline is over: warn */
    WATCHDOG_STILL /* a deadline is over: end the job */
};

/*
 * A rank that works or is stopped has the deadline of its phase. A rank that is gone has a few
 * seconds. A rank that waits has no deadline, unless all known ranks wait: then it is timeout_s,
 * and the culprit is the one rank that has begun fewer collectives. *culprit is -1 if unknown.
 */
enum watchdog_verdict watchdog_judge(const struct watchdog_view *views, int n, double timeout_s,
                                     int *culprit);

/* The deadline of a phase that has happened n times and took longest_s at most; never more than
 * timeout_s. */
double watchdog_learn(unsigned n, double longest_s, double timeout_s);

#endif
