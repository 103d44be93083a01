/*
 * The metrics of a validation on held-out pictures: L1, PSNR and SSIM (quality.h) inside the face
 * mask, of the reconstruction, and of the swap if a set has true swaps. Of some validations also
 * how swaps follow their source pictures (follow.h): correlations for each quantity of a pose.
 *
 * The same names everywhere: in metrics.jsonl, TensorBoard, a checkpoint's val_metrics and
 * checkpoint.best. "recon_l1" is the mean of "recon_l1_a" and "recon_l1_b"; "swap_l1_a" is of swaps
 * of A's pictures, with B's face. "follow_yaw_a": r of the yaw of swaps of A's pictures;
 * "reader_yaw_a": of the reader that measures it, on real pictures of B; "follow_a": the mean over
 * the quantities that are judged.
 */
#ifndef BIFRONS_DRIVER_TRAIN_VAL_METRICS_H
#define BIFRONS_DRIVER_TRAIN_VAL_METRICS_H

#include <stdbool.h>

#include "data/pose.h"
#include "model/model.h"
#include "quality.h"

enum val_answer { VAL_RECON, VAL_SWAP, VAL_ANSWERS };
enum val_measure { VAL_L1, VAL_PSNR, VAL_SSIM, VAL_MEASURES };
enum {
    VAL_OF = 1 + MODEL_PEOPLE,
    VAL_FOLLOW = VAL_ANSWERS * VAL_MEASURES * VAL_OF, /* then each quantity, then each reader's */
    VAL_NUMBERS = VAL_FOLLOW + (1 + 2 * POSE_QUANTITIES) * VAL_OF
};

/* Plain data, saved in every checkpoint. NaN: not measured. */
struct val_metrics {
    double number[VAL_NUMBERS];
};

/* "swap_l1_a" of number i. Static. */
const char *val_metrics_key(int i);
/* The index of the mean over both people. */
int val_metrics_mean(enum val_answer answer, enum val_measure measure);
/* Likewise of a quantity's r, of swaps or of their reader. */
int val_metrics_follow(enum pose_quantity quantity, bool reader);

void val_metrics_clear(struct val_metrics *m);
/* Computes the metrics from sums over all held-out pictures. A mean over people includes only those
 * that were measured. */
void val_metrics_from(struct quality_sum sums[VAL_ANSWERS][MODEL_PEOPLE], struct val_metrics *out);

#endif
