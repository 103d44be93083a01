/*
 * Looks at all frames, several at a time, and writes them in their order.
 *
 *     struct watch_options o = {.frames = frames, .rules = &rules, .threads = 2, .stop = stop};
 *     enum status st = watch(&o, &cuts, &em);
 *
 * Each thread has a finder of its own with one of libtorch's threads, so the result does not depend
 * on the number of threads. Frames that wait to be written are as many as threads, times two.
 */
#ifndef BIFRONS_DRIVER_EXTRACT_WATCH_H
#define BIFRONS_DRIVER_EXTRACT_WATCH_H

#include "cuts.h"

/* Frames without a reference in which several people show, until it ends early. */
enum { WATCH_SEVERAL_MAX = 100 };

struct watch_options {
    struct frames *frames;
    const struct sight_rules *rules;
    const char *models, *device; /* of finder_open */
    int threads;
    bool (*stop)(void);     /* true: end with ST_AGAIN after the frames at hand */
    struct name_list *left; /* for each verdict: what was left out, by path and time */
};

/* Skips the frames that cuts has. ST_AGAIN: stopped; else as of frames_next, sight_look,
 * cuts_add. */
enum status watch(const struct watch_options *o, struct cuts *cuts, struct errmsg *em) MUST_CHECK;

#endif
