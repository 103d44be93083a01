/*
 * metrics.jsonl: one JSON object a line, what a plot or a script reads.
 *
 *   {"kind":"train","step":20,"epoch":1,"position":320,"time":4.1,
 *    "loss":{"total":0.21,"a":{"l1":0.1,"dssim":0.2},"b":{"l1":0.1,"dssim":0.2}},
 *    "lr":0.0001,"grad_norm":0.3,"images_per_s":193,"step_ms":82.9,"data_wait_ms":0.3,
 *    "sum_wait_ms":1.5}
 *
 * A row of kind "val" has "metrics":{"recon_l1":0.04,…}, those of val_metrics.h that were measured,
 * and nothing from lr on. Times are rank 0's: of the whole step, of its waits for samples, and for
 * sums over ranks after its backward (on a GPU with what that had still to compute). A number that
 * is NaN or infinite is null, and such a row has "nonfinite":true. A step that the guard left out
 * has "skipped":true. With train.stages a row has "stage":1 and so on before "step"; "epoch" is the
 * stage's. Losses of a person are unweighted, keyed
 * by model_loss_key; total is weighted, over both people. Losses without a weight are left out, but
 * for l1 and dssim; discriminator and r1 go with adversarial. At validations latent and these three
 * are left out. The three read 0 before adversary.start_step.
 *
 *     struct metrics *m;
 *     enum status st = metrics_open("runs/x/metrics.jsonl", 0, &m, &em);    // a new run's
 *     if (st == ST_OK)
 *         st = metrics_write(m, &row, &em);         // on failure warn and go on
 *     int64_t offset = metrics_offset(m);           // a checkpoint stores it, after file_sync
 *
 * Resumed at the offset its checkpoint stores, a file has no line twice and none missing. A line is
 * there whole or not at all: one that a full disk cut short is taken back.
 *
 * Rank 0 writes. One thread at a time.
 */
#ifndef BIFRONS_DRIVER_METRICS_H
#define BIFRONS_DRIVER_METRICS_H

#include <stdint.h>

#include "base/status.h"
#include "model/model.h"
#include "val_metrics.h"

/* Each row: enum name, value of "kind". */
#define METRICS_KIND_MAP(X) \
    X(TRAIN, "train")       \
    X(VAL, "val")

enum metrics_kind {
#define X(name, text) METRICS_##name,
    METRICS_KIND_MAP(X)
#undef X
};

struct metrics_row {
    enum metrics_kind kind;
    int64_t stage; /* from 1; 0: the run has none */
    int64_t step, epoch;
    uint64_t position;
    double time_s; /* trained so far, over all starts of the run */
    struct model_losses losses;
    struct val_metrics val_metrics; /* of METRICS_VAL only */
    bool absent[MODEL_LOSSES];      /* losses the run has no use for: left out */
    /* of METRICS_TRAIN only */
    bool skipped; /* the guard left the step's update out */
    double lr, grad_norm, images_per_s, step_ms, data_wait_ms, sum_wait_ms;
};

struct metrics;

/*
 * Opens or makes the file and cuts it at truncate_at bytes: 0 for a new run. A torn last line is
 * cut too. A file shorter than truncate_at is taken as it is; metrics_offset then tells less than
 * truncate_at. ST_IO, ST_MEMORY.
 */
enum status metrics_open(const char *path, int64_t truncate_at, struct metrics **out,
                         struct errmsg *em) MUST_CHECK;
/* ST_IO: the row is lost, the file is whole, and the next row may succeed. */
enum status metrics_write(struct metrics *m, const struct metrics_row *row,
                          struct errmsg *em) MUST_CHECK;
/* Takes back all rows after an offset that metrics_offset told. ST_IO. */
enum status metrics_cut(struct metrics *m, int64_t offset, struct errmsg *em) MUST_CHECK;
/* Byte offset after the last whole line. */
int64_t metrics_offset(const struct metrics *m);
void metrics_close(struct metrics *m);

#endif
