/*
 * The output of a run while it trains: metrics.jsonl, TensorBoard, the progress line, previews and
 * run.json. Only rank 0 writes; on other ranks every call returns at once. No error here ends
 * training: a file that cannot be written gives one warning per kind, and is tried again the next
 * time.
 */
#ifndef BIFRONS_DRIVER_TRAIN_REPORT_H
#define BIFRONS_DRIVER_TRAIN_REPORT_H

#include "last_words.h"
#include "metrics.h"
#include "progress.h"
#include "run_record.h"
#include "session.h"
#include "step.h"
#include "tensorboard.h"

struct report {
    struct session *session; /* NULL on ranks other than 0 */
    struct metrics *metrics;
    struct tensorboard *tensorboard;
    struct run_record *record; /* owned by last_words while that is open */
    struct last_words *last_words;
    struct progress progress;
    double started_s;
    int64_t first_step;
    bool metrics_failed, preview_failed, launched;
};

/* COLLECTIVE (gathers host names). Call it after resuming. config_path: for run.json; launched: see
 * last_words.h. */
enum status report_open(struct report *r, struct session *s, const char *config_path, bool launched,
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
/* Draws the previews of the current parameters. */
void report_preview(struct report *r);
/* Call it before a checkpoint: records the time and the offset of metrics.jsonl in the state. */
void report_sync(struct report *r);
/* Call it after the state was set back: removes the rows of later steps. */
void report_went_back(struct report *r);
/* Call it at the end, after success or failure. */
void report_close(struct report *r, enum status status, const struct errmsg *em);

#endif
