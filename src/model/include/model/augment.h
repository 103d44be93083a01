/*
 * Applies what data/draw_augment.h drew, as batched tensor operations on any device: a table of
 * them in augment.c, in this order.
 *
 * Both input and target show the face flipped, then rotated, zoomed and shifted. The input is
 * further warped (its displacement, in the coordinates of the stored picture, interpolated from
 * the control points with a bicubic kernel, outer points on the picture's edge), takes on the other
 * person's colours, stands in the other person's picture, cut out by its mask, is blurred (a
 * Gaussian cut at three standard deviations), then gain, offset and noise. What goes beyond [0, 1]
 * is cut off. Sampling is bilinear and reflects at the border; one pass a picture, so nothing is
 * blurred twice. Masks and
 * priorities follow the target.
 *
 * What no draw of a batch asks for is left out, so AUGMENT_NONE changes no bit. Nor do the other
 * pictures of a batch, but in one case: one that no draw moves is sampled where it lies if others
 * are moved, which rounds.
 *
 * Colours are mapped by each channel's mean and deviation (Reinhard et al., "Color transfer between
 * images", 2001) over all of a person's pictures, so that the light of this one stays; and inside
 * the mask where there is one, so that the surroundings stay as a swap will meet them. Channels are
 * those of sRGB, or of CIE L*a*b*, as the colours were measured.
 */
#ifndef BIFRONS_MODEL_AUGMENT_H
#define BIFRONS_MODEL_AUGMENT_H

#include <stddef.h>

#include "base/augment_draw.h"

struct shim_scope;
struct shim_tensor;

/* One person's part of a batch as tensors, in [0, 1]; NULL: not there. */
struct samples {
    struct shim_tensor *images;           /* (n, 3, S, S) */
    struct shim_tensor *masks, *priority; /* (n, 1, S, S) */
    struct shim_tensor *noise;            /* like images, of deviation 1; NULL leaves noise out */
};

/* What the encoder sees, and what the decoder is to draw from it. */
struct augmented {
    struct samples input, target;
};

/* What at least one of n draws asks for, as bits: batches with the same bits and sizes take the
 * same operations. */
unsigned augment_operations(const struct augment_draw *draws, size_t n);

/* own and other: the person's samples and the other's, as stored; the other's images may be NULL.
 * Colours of the two people, which colour transfer maps from and to: NULL, or a deviation of 0,
 * leaves it out. draws: n of them, or NULL: none. Tensors and errors are the scope's. */
struct augmented augment_apply(struct shim_scope *s, const struct augment_draw *draws, size_t n,
                               int image_size, struct samples own, struct samples other,
                               const struct augment_colours *own_colours,
                               const struct augment_colours *other_colours);

#endif
