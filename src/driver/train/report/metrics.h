/*
 * metrics.jsonl: one JSON object a line, for plots and scripts.
 *
 *   {"kind":"train","step":20,"epoch":1,"position":320,"time":4.1,
 *    "loss":{"total":0.21,"a":{"l1":0.1,"dssim":0.2},"b":{"l1":0.1,"dssim":0.2}},
 *    "lr":0.0001,"grad_norm":0.3,"images_per_s":193,"step_ms":82.9,"data_wait_ms":0.3,
 *    "sum_wait_ms":1.5}
 *
 * A row of kind "val" has no lr and no later key, but "metrics":{"recon_l1":0.04,…}: those of
 * val_metrics.h that were measured. Times are of rank 0: the whole step, its waits for samples, and
 * its waits for sums over ranks after its backward (on a GPU with the rest of the computing). A
 * number that is NaN or infinite is null; its row has "nonfinite":true. A step that the guard
 * skipped has "skipped":true. A row of kind "faces" has, of losses and later keys, only
 * "faces":{"found_a":1,"identity_a":0.97,…}: what face networks see of a preview's swaps
 * (preview_faces.h). With train.stages a row has "stage":1 and so on before "step";
 * "epoch" is of the stage.
 *
 * Losses of a person are unweighted, keyed by model_loss_key; total is weighted, over both people.
 * Losses of weight 0 are omitted, except l1 and dssim. The adversarial loss comes with
 * discriminator and r1; the three are 0 before discriminator.start_step. Validations omit them, and
 * latent.
 *
 *     struct metrics *m;
 *     enum status st = metrics_open("runs/x/metrics.jsonl", 0, &m, &em);    // a new run
 *     if (st == ST_OK)
 *         st = metrics_write(m, &row, &em);         // on failure warn and continue
 *     int64_t offset = metrics_offset(m);           // a checkpoint stores it, after file_sync
 *
 * If a run resumes at the offset in its checkpoint, no line is there twice and none is missing.
 * Lines are always whole: a line cut short by a full disk is removed.
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
    X(VAL, "val")           \
    X(FACES, "faces")

enum metrics_kind {
#define X(name, text) METRICS_##name,
    METRICS_KIND_MAP(X)
#undef X
};

struct metrics_number {
    char name[24];
    double value;
};

struct metrics_row {
    enum metrics_kind kind;
    int64_t stage; /* from 1; 0: the run has none */
    int64_t step, epoch;
    uint64_t position;
    double time_s; /* trained so far, over all starts of the run */
    struct model_losses losses;
    struct val_metrics val_metrics; /* of METRICS_VAL only */
    bool absent[MODEL_LOSSES];      /* losses that the run does not use: omitted */
    /* only for METRICS_TRAIN */
    bool skipped; /* the guard skipped the step */
    double lr, grad_norm, images_per_s, step_ms, data_wait_ms, sum_wait_ms;
    /* only for METRICS_FACES, which has no losses */
    const struct metrics_number *faces; /* (n_faces), borrowed */
    size_t n_faces;
};

struct metrics;

/*
 * Opens or makes the file and cuts it at truncate_at bytes (0 for a new run). Removes an incomplete
 * last line. A file shorter than truncate_at stays as it is; metrics_offset is then less than
 * truncate_at. Errors: ST_IO, ST_MEMORY.
 */
enum status metrics_open(const char *path, int64_t truncate_at, struct metrics **out,
                         struct errmsg *em) MUST_CHECK;
/* ST_IO: the row is lost, the file is whole, and the next row may succeed. */
enum status metrics_write(struct metrics *m, const struct metrics_row *row,
                          struct errmsg *em) MUST_CHECK;
/* Removes all rows after an offset from metrics_offset. Errors: ST_IO. */
enum status metrics_cut(struct metrics *m, int64_t offset, struct errmsg *em) MUST_CHECK;
/* Byte offset after the last whole line. */
int64_t metrics_offset(const struct metrics *m);
void metrics_close(struct metrics *m);

#endif
