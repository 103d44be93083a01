/*
 * bifrons train --find-lr: finds a learning rate by a learning rate range test (lr_curve.h) from
 * the start of the run. Its steps are those of a run (step.h), with the rate given and the guard
 * off; the results are thrown away.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FIND_LR_H
#define BIFRONS_DRIVER_TRAIN_FIND_LR_H

#include "session.h"

struct find_lr_options {
    int64_t steps;
    const char *chart; /* PNG to draw, "": none */
    bool json;         /* on standard output, instead of the table */
};

/*
 * COLLECTIVE. A stage must be open and at its start; afterwards its model and state cannot be used.
 * Rank 0 prints the result and draws the chart. Errors: ST_IO; ST_NODEVICE in a build without
 * charts; ST_INTERRUPTED if it was asked to stop.
 */
enum status find_lr(struct session *s, const struct find_lr_options *o,
                    struct errmsg *em) MUST_CHECK;

/* Prints the result to standard output. */
struct lr_curve;
void find_lr_print(const struct session *s, const struct lr_curve *c);
/* The same as one JSON object; its keys: docs/tuning.md. ST_MEMORY. */
enum status find_lr_print_json(const struct session *s, const struct lr_curve *c,
                               struct errmsg *em) MUST_CHECK;
enum status find_lr_draw(const char *path, const struct session *s, const struct lr_curve *c,
                         struct errmsg *em) MUST_CHECK;

#endif
