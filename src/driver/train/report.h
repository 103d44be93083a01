/*
 * What a run shows while it trains: metrics.jsonl, TensorBoard, the progress line, previews and
 * run.json. Rank 0's; on other ranks every call returns at once. Nothing here may end training: a
 * file that cannot be written is warned about, once a kind, and tried again the next time.
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
    struct run_record *record; /* the last words' while they are open */
    struct last_words *last_words;
    struct progress progress;
    double started_s;
    int64_t first_step;
    bool metrics_failed, preview_failed, launched;
};

/* COLLECTIVE (host names are gathered): after resuming. config_path is for run.json; launched:
 * last_words.h. */
enum status report_open(struct report *r, struct session *s, const char *config_path, bool launched,
                        struct errmsg *em) MUST_CHECK;
/* Around the steps of a stage: the progress line counts its own. */
void report_begin_stage(struct report *r);
void report_end_stage(struct report *r);
/* After each step. */
void report_step(struct report *r, const struct step_report *step);
/* Around whatever interrupts the steps. */
void report_pause(struct report *r);
void report_continue(struct report *r);
/* After a validation. */
void report_validation(struct report *r, const struct model_losses *losses);
/* Draws the previews of the current parameters. */
void report_preview(struct report *r);
/* Before a checkpoint: notes time and the offset of metrics.jsonl in the state. */
void report_sync(struct report *r);
/* The state was set back: takes back what was said of later steps. */
void report_went_back(struct report *r);
/* The end, good or bad. */
void report_close(struct report *r, enum status status, const struct errmsg *em);

#endif
