/*
 * The output of a run while it trains: metrics.jsonl, events.jsonl, TensorBoard, the progress line,
 * previews, run.json and report.html. Only rank 0 writes; on other ranks every call returns at
 * once. No error here ends training: a file that cannot be written gives one warning per kind, and
 * is tried again the next time.
 */
#ifndef BIFRONS_DRIVER_TRAIN_REPORT_H
#define BIFRONS_DRIVER_TRAIN_REPORT_H

#include "events.h"
#include "last_words.h"
#include "likeness.h"
#include "metrics.h"
#include "page.h"
#include "preview_faces.h"
#include "progress.h"
#include "run_record.h"
#include "session.h"
#include "step.h"
#include "tensorboard.h"

struct report {
    struct session *session; /* NULL on ranks other than 0 */
    struct metrics *metrics;
    struct events *events;
    struct page *page;           /* NULL without log.report */
    double page_due_s;           /* not before this time: the page takes less than 1 % of a run */
    struct preview_faces *faces; /* NULL: not measured */
    struct tensorboard *tensorboard;
    struct run_record *record; /* owned by last_words while that is open */
    struct last_words *last_words;
    struct progress progress;
    double started_s;
    int64_t first_step;
    bool metrics_failed, events_failed, preview_failed, page_failed, launched;
};

/* Borrowed during report_open. */
struct report_start {
    const char *config_path; /* for run.json; NULL: none */
    const char *changes;     /* keys that changed since the checkpoint: "key: old -> new\n"... */
    bool launched;           /* see last_words.h */
};
/* COLLECTIVE (gathers host names). Call it after resuming. */
enum status report_open(struct report *r, struct session *s, const struct report_start *start,
                        struct errmsg *em) MUST_CHECK;
/* Call them before and after the steps of a stage: each stage has its own progress line. */
void report_begin_stage(struct report *r);
void report_end_stage(struct report *r);
/* After each step. */
void report_step(struct report *r, const struct step_report *step);
/* Call them before and after work between steps. */
void report_pause(struct report *r);
void report_continue(struct report *r);
/* After a validation. */
void report_validation(struct report *r, const struct model_losses *losses);
/* Records what happened at a step: a printf format and its values. */
void report_event(struct report *r, enum event_kind kind, int64_t step, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* What face networks see of a preview's swaps, of A's and of B's pictures. */
void report_faces(struct report *r, const struct likeness_sum of[static MODEL_PEOPLE]);
/* Draws the previews of the current parameters; their swaps are measured if log.faces says so. */
void report_preview(struct report *r);
/* After a validation and its preview: rewrites report.html, unless that would take more than 1 % of
 * the time since it was last written. */
void report_page(struct report *r);
/* Call it before a checkpoint: records the time and the offset of metrics.jsonl in the state. */
void report_sync(struct report *r);
/* Call it after the state was set back: removes the rows of later steps. */
void report_went_back(struct report *r);
/* Call it at the end, after success or failure. */
void report_close(struct report *r, enum status status, const struct errmsg *em);

#endif
