/*
 * Examines all frames, several at a time, and writes the results in their order.
 *
 *     struct watch_options o = {.arguments = &a, .frames = frames, .stop = stop, .left = left};
 *     enum status st = watch(&o, &cuts, &em);
 *
 * Each thread has a finder of its own with one of libtorch's threads, so the result does not depend
 * on the number of threads. At most two frames a thread wait to be written.
 */
#ifndef BIFRONS_DRIVER_EXTRACT_WATCH_H
#define BIFRONS_DRIVER_EXTRACT_WATCH_H

#include "arguments.h"

/* Without references, frames that show several people mean that no face will be stored. It ends
 * early after this many of them, or when so many frames, plus as many as came before the first of
 * them, have followed it. */
enum { WATCH_SEVERAL_MAX = 100 };

struct watch_options {
    const struct extract_arguments *arguments;
    struct frames *frames;
    bool (*stop)(void);         /* true: end with ST_AGAIN after the frames at hand */
    struct name_list *left;     /* for each verdict: what was left out, by path and time */
    struct name_list *profiles; /* pictures with a colour profile that was not applied */
};

/* Skips the frames that `cuts` already has. ST_AGAIN: stopped; else as of frames_next, sight_look,
 * cuts_add. */
enum status watch(const struct watch_options *o, struct cuts *cuts, struct errmsg *em) MUST_CHECK;

#endif
