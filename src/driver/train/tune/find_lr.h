/*
 * bifrons train --find-lr: which learning rate to train with, by a learning rate range test
 * (lr_curve.h) from where the run would begin. Its steps are a run's (step.h), with the rate set
 * and the guard off; nothing of them is kept.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FIND_LR_H
#define BIFRONS_DRIVER_TRAIN_FIND_LR_H

#include "session.h"

struct find_lr_options {
    int64_t steps;
    const char *chart; /* PNG to draw, "": none */
    bool json;         /* on standard output, in place of the table */
};

/*
 * COLLECTIVE. With a stage open and at its beginning; its model and state are spoilt. Rank 0 prints
 * the result and draws the chart: ST_IO, ST_NODEVICE in a build that cannot.
 * ST_INTERRUPTED where it was asked to stop.
 */
enum status find_lr(struct session *s, const struct find_lr_options *o,
                    struct errmsg *em) MUST_CHECK;

/* What was found, on standard output. */
struct lr_curve;
void find_lr_print(const struct session *s, const struct lr_curve *c);
/* The same as one JSON object; docs/tuning.md tells its keys. ST_MEMORY. */
enum status find_lr_print_json(const struct session *s, const struct lr_curve *c,
                               struct errmsg *em) MUST_CHECK;
enum status find_lr_draw(const char *path, const struct session *s, const struct lr_curve *c,
                         struct errmsg *em) MUST_CHECK;

#endif
