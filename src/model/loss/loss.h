/*
 * The losses of model.h as functions: each takes a batch, both people's samples one after the
 * other, and gives a number a sample.
 *
 * Weights of pixels multiply a loss's map before its mean: 1 + mask_weight * mask + priority_weight
 * * priority, divided by their mean over the sample (for dssim: over the window centres; for
 * perceptual: means over what a feature's pixel covers).
 */
#ifndef BIFRONS_MODEL_LOSS_H
#define BIFRONS_MODEL_LOSS_H

#include "model/model.h"
#include "shim/shim.h"

struct discriminators;
struct vgg;

struct loss_batch {
    struct shim_tensor *pictures, *targets;   /* (N, 3, S, S) */
    struct shim_tensor *masks_made, *masks;   /* (N, 1, S, S), the mask heads' and the true; NULL */
    struct shim_tensor *weights;              /* (N, 1, S, S); NULL: all pixels count alike */
    struct shim_tensor *codes, *codes_wanted; /* (N, ...), back_translation.h; NULL: no swaps */
    struct shim_tensor *pose_made, *pose, *pose_known; /* (N, 140), pose_codes.h; NULL: no points */
    int64_t n[MODEL_PEOPLE];                           /* samples of each person: A's come first */
    const struct vgg *vgg;                             /* of the perceptual loss, or NULL */
    const struct discriminators *discriminators;       /* of the adversarial loss, or NULL */
};

/* (N, 1, S, S) pixel weights from masks and priorities in [0, 1], either NULL or of weight 0:
 * without it. NULL where all pixels count alike. */
struct shim_tensor *loss_weights(struct shim_scope *s, struct shim_tensor *masks,
                                 double mask_weight, struct shim_tensor *priority,
                                 double priority_weight);

/* The mean square of each sample of x (N, ...): (N). */
struct shim_tensor *loss_mean_square(struct shim_scope *s, struct shim_tensor *x);

/* Does the batch have what the loss needs? */
bool loss_is_known(const struct loss_batch *b, enum model_loss loss);
/* The loss of each sample: (N). */
struct shim_tensor *loss_of_samples(struct shim_scope *s, enum model_loss loss,
                                    const struct loss_batch *b);

#endif
