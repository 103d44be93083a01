/*
 * Applies the draws of data/draw_augment.h as batched tensor operations, on any device. The table
 * in augment.c lists the operations in this order.
 *
 * Input and target are both flipped, then rotated, zoomed and shifted. Masks and priorities follow
 * the target. The input alone then
 *
 *   - is warped: control points give a displacement in the coordinates of the stored picture,
 *     bicubic between them; the outer points lie on the picture's edge
 *   - takes on the other person's colours
 *   - is placed in the other person's picture: cut out by its mask
 *   - is blurred (a Gaussian, cut off at three standard deviations)
 *   - gets gain, offset and noise.
 *
 * Values are clamped to [0, 1]. Sampling is bilinear and reflects at the border. Each picture is
 * sampled once, so it is not blurred twice.
 *
 * An operation that no draw of the batch asks for is skipped, so AUGMENT_NONE changes no bit. A
 * sample's bits do not depend on the other samples, with one exception: if others are moved, a
 * sample that does not move is resampled in place, which rounds.
 *
 * Colour transfer maps each channel's mean and deviation (Reinhard et al., "Color transfer between
 * images", 2001). Both are measured over all of a person's pictures, so the picture's own light
 * stays. Where there is a mask, only pixels inside it are measured and changed, because a swap
 * keeps the surroundings, too. Channels are sRGB or CIE L*a*b*, as the colours were measured.
 */
#ifndef BIFRONS_MODEL_AUGMENT_H
#define BIFRONS_MODEL_AUGMENT_H

#include <stddef.h>

#include "base/augment_draw.h"

struct shim_scope;
struct shim_tensor;

/* One person's samples as tensors in [0, 1]; NULL: absent. */
struct samples {
    struct shim_tensor *images;           /* (n, 3, S, S) */
    struct shim_tensor *masks, *priority; /* (n, 1, S, S) */
    struct shim_tensor *noise;            /* like images, standard normal; NULL: no noise */
};

/* The encoder's input and the decoder's target. */
struct augmented {
    struct samples input, target;
};

/* A bit for each operation that at least one of n draws asks for. Batches with the same bits and
 * sizes run the same operations. */
unsigned augment_operations(const struct augment_draw *draws, size_t n);

/* own: the person's samples as stored; other: the other person's, whose images may be NULL.
 * Colours: NULL or a deviation of 0 means no colour transfer. draws: n, or NULL for none. Tensors
 * and errors are the scope's. */
struct augmented augment_apply(struct shim_scope *s, const struct augment_draw *draws, size_t n,
                               int image_size, struct samples own, struct samples other,
                               const struct augment_colours *own_colours,
                               const struct augment_colours *other_colours);

#endif
