/*
 * events.jsonl: what happened in a run, one JSON object a line. If a run goes back to an earlier
 * step, the rows of later steps stay, unlike those of metrics.jsonl.
 *
 *   {"event":"checkpoint","step":480,"time":61.2,"at":"2026-01-31T12:00:00Z","text":"the best yet"}
 *
 * "time" are seconds trained, over all starts; "at" is the wall clock. "text" is for people.
 *
 *     struct events *e;
 *     enum status st = events_open("runs/x/events.jsonl", false, &e, &em);
 *     if (st == ST_OK)
 *         st = events_write(e, EVENT_RESUME, 480, 61.2, "on 2 ranks", &em);
 *     events_close(e);
 *
 * Rank 0 writes. One thread at a time. A failure must not end training: warn and continue.
 */
#ifndef BIFRONS_DRIVER_EVENTS_H
#define BIFRONS_DRIVER_EVENTS_H

#include <stdint.h>

#include "base/status.h"

/*
 * Each row: enum name, value of "event", and whether the program alone chooses the words of its
 * text. Other texts may name people, files and hosts.
 */
#define EVENT_MAP(X)                  \
    X(START, "start", true)           \
    X(RESUME, "resume", true)         \
    X(CHANGED, "changed", false)      \
    X(STAGE, "stage", true)           \
    X(CHECKPOINT, "checkpoint", true) \
    X(BEST, "best", true)             \
    X(UNSAVED, "unsaved", false)      \
    X(SKIPPED, "skipped", true)       \
    X(WENT_BACK, "back", true)        \
    X(COLLAPSED, "collapsed", true)   \
    X(STOPPED, "stopped", false)      \
    X(FAILED, "failed", false)        \
    X(FINISHED, "finished", false)

enum event_kind {
#define X(name, text, own_words) EVENT_##name,
    EVENT_MAP(X)
#undef X
};

struct events;

/* Opens or makes the file. A new run empties it; else an incomplete last line is removed. ST_IO,
 * ST_MEMORY. */
enum status events_open(const char *path, bool new_run, struct events **out,
                        struct errmsg *em) MUST_CHECK;
/* text: UTF-8 or not, for people; "": none. ST_IO: the row is lost, but the file has whole rows
 * only. */
enum status events_write(struct events *e, enum event_kind kind, int64_t step, double time_s,
                         const char *text, struct errmsg *em) MUST_CHECK;
void events_close(struct events *e);

#endif
