/*
 * The losses of model.h as functions: each takes a batch (A's samples, then B's) and returns a loss
 * for each sample.
 *
 * The weight of a pixel multiplies a loss's map before its mean. It is 1 + mask_weight * mask +
 * priority_weight * priority, divided by the sample's mean of that. (dssim: divided by the mean
 * over the window centres; perceptual: weights are averaged over the pixels that a feature covers.)
 */
#ifndef BIFRONS_MODEL_LOSS_H
#define BIFRONS_MODEL_LOSS_H

#include "model/model.h"
#include "shim/shim.h"

struct discriminators;
struct vgg;

struct loss_batch {
    struct shim_tensor *pictures, *targets; /* (N, 3, S, S) */
    struct shim_tensor *masks_made,
        *masks;                  /* (N, 1, S, S), the mask head's and the set's, or NULL */
    struct shim_tensor *weights; /* (N, 1, S, S); NULL: all pixels count alike */
    struct shim_tensor *codes, *codes_wanted; /* (N, ...), for the latent loss; NULL: no swaps */
    struct shim_tensor *pose_made, *pose, *pose_known; /* (N, 140), pose_codes.h; NULL: no points */
    int64_t n[MODEL_PEOPLE];                           /* samples of each person; A's come first */
    const struct vgg *vgg;                             /* for the perceptual loss, or NULL */
    const struct discriminators *discriminators;       /* for the adversarial loss, or NULL */
};

/* Pixel weights (N, 1, S, S) from masks and priorities in [0, 1]; either may be NULL. NULL if all
 * pixels count alike. */
struct shim_tensor *loss_weights(struct shim_scope *s, struct shim_tensor *masks,
                                 double mask_weight, struct shim_tensor *priority,
                                 double priority_weight);

/* The mean square of each sample of x (N, ...): (N). */
struct shim_tensor *loss_mean_square(struct shim_scope *s, struct shim_tensor *x);

/* Can the loss be computed for this batch? */
bool loss_is_known(const struct loss_batch *b, enum model_loss loss);
/* The loss of each sample: (N). */
struct shim_tensor *loss_of_samples(struct shim_scope *s, enum model_loss loss,
                                    const struct loss_batch *b);

#endif
