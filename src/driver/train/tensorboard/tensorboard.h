/*
 * TensorBoard event files: scalars and PNG pictures in a run folder, one new file
 * (events.out.tfevents.*) each start, so that a resumed run continues its curves.
 *
 *     enum status st = tensorboard_open("runs/x", &tb, &em);
 *     if (st == ST_OK)
 *         st = tensorboard_metrics(tb, &row, &em);
 *     if (st == ST_OK)
 *         st = tensorboard_image(tb, "preview/grid", step, png, n_bytes, width, height, &em);
 *
 * A file is a sequence of records: length u64, masked CRC-32C of the length, an Event message of
 * tfevent.proto, masked CRC-32C of the message; all little-endian. Each record is written whole:
 * one cut short by a full disk is removed.
 *
 * A build without protobuf-c or ISA-L (WITH_TENSORBOARD) has the same functions; tensorboard_open
 * then warns once that nothing will be written, and the others succeed and do nothing.
 *
 * Rank 0 writes. One thread at a time. Every failure is ST_IO or ST_MEMORY; warn and continue.
 */
#ifndef BIFRONS_DRIVER_TENSORBOARD_H
#define BIFRONS_DRIVER_TENSORBOARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct metrics_row;
struct tensorboard;

struct tensorboard_scalar {
    const char *tag; /* "loss/total": the part before '/' groups the charts */
    double value;    /* stored as float; may be NaN */
};

/* True if this build can write event files. */
bool tensorboard_available(void);

/* Makes a new event file in an existing folder. */
enum status tensorboard_open(const char *folder, struct tensorboard **out,
                             struct errmsg *em) MUST_CHECK;
/* Makes TensorBoard drop `step` and later steps, of this and earlier files. For a run that resumes
 * from an earlier step. */
enum status tensorboard_restart(struct tensorboard *tb, int64_t step, struct errmsg *em) MUST_CHECK;
/* Several scalars of one step, as one record. */
enum status tensorboard_scalars(struct tensorboard *tb, int64_t step,
                                const struct tensorboard_scalar *scalars, size_t n,
                                struct errmsg *em) MUST_CHECK;
/*
 * The numbers of a row: loss/total, loss/a_l1 …, train/lr, perf/images_per_s, perf/step_ms,
 * perf/data_wait_ms and perf/sum_wait_ms; for a validation row val/total, val/a_l1 …; for a row of
 * faces faces/identity_a ….
 */
enum status tensorboard_metrics(struct tensorboard *tb, const struct metrics_row *row,
                                struct errmsg *em) MUST_CHECK;
/* An encoded PNG of that size. */
enum status tensorboard_image(struct tensorboard *tb, const char *tag, int64_t step,
                              const uint8_t *png, size_t n, int width, int height,
                              struct errmsg *em) MUST_CHECK;
void tensorboard_close(struct tensorboard *tb);

#endif
