/*
 * How one training sample is changed before the encoder sees it. data/draw_augment.h draws these
 * numbers from (seed, person, position); model/augment.h applies them as batched tensor
 * operations on any device. A plain struct, so that neither module knows the other.
 *
 * Coordinates are normalised: the picture spans [-1, 1] in x (right) and y (down).
 */
#ifndef BIFRONS_BASE_AUGMENT_DRAW_H
#define BIFRONS_BASE_AUGMENT_DRAW_H

#include <stdbool.h>
#include <stdint.h>

enum { AUGMENT_GRID = 5 }; /* control points a side of the random warp */

struct augment_draw {
    /* applied to the encoder's input and to the target alike */
    bool flip;    /* mirrored left to right */
    float rotate; /* radians, counter-clockwise */
    float zoom;   /* > 1 enlarges the face */
    float shift_x, shift_y;
    /* applied to the encoder's input only */
    float warp[AUGMENT_GRID][AUGMENT_GRID][2]; /* x, y displacement of each control point; bicubic
                                                  or bilinear in between, see model/augment.h */
    float colour_transfer; /* 0 = own colours, 1 = mapped by each channel's mean and deviation from
                              this person's training pictures to the other's */
    bool surroundings; /* all outside the mask is the other person's picture at the same position */
    float blur;        /* standard deviation of a Gaussian, share of the picture's width */
    float gain[3], offset[3]; /* colour jitter: x * gain + offset, in [0, 1] units */
    float noise;              /* standard deviation, in [0, 1] units; of what: augment_noise_at */
    bool predicted_pose;      /* the decoder is told the predicted pose, see loss/pose_codes.h */
    bool back_translation;    /* instead of all of the second group: the network's own swap of the
                                 target, see model/model.h */
};

/* The draw that changes nothing. (clang-format would drop the backslash of a broken line.) */
/* clang-format off */
#define AUGMENT_NONE ((struct augment_draw){.zoom = 1.0f, .gain = {1.0f, 1.0f, 1.0f}})
/* clang-format on */

/* What colours are measured in. LAB: CIE L*a*b* under D65, each divided by 100. */
enum augment_space { AUGMENT_RGB, AUGMENT_LAB };

/* Mean and deviation of each channel. */
struct augment_colours {
    float mean[3], deviation[3];
    enum augment_space space;
};

/* Noise comes as bytes: AUGMENT_NOISE_ZERO + AUGMENT_NOISE_UNIT * z, of standard normal z. */
enum { AUGMENT_NOISE_ZERO = 128, AUGMENT_NOISE_UNIT = 40 };

/* The config's [augment] table: strengths, within which the draw is uniform, and their course. */
struct augment_config {
    double flip;       /* probability */
    double rotate_deg; /* +- degrees */
    double zoom;       /* +- share: 0.05 draws from 0.95 to 1.05 */
    double shift;      /* +- share of the picture's width and height */
    double warp;       /* standard deviation of a control point, share of the picture's width */
    double colour_transfer;  /* probability of taking on the other person's colours */
    int64_t colour_space;    /* enum augment_space: in which they are taken on */
    double surroundings;     /* probability of standing in the other person's picture */
    double colour_jitter;    /* +- share of gain, and half of it as offset */
    double blur;             /* largest standard deviation, share of width; half stay sharp */
    double noise;            /* largest standard deviation; half stay clean */
    double back_translation; /* probability of the network's own swap as the input */
    double predicted_pose;   /* probability that the decoder is told the predicted pose */
    int64_t ramp_steps;      /* in which what fades rises from 0 to its strength */
    int64_t off_steps;       /* at the end of the run, without what fades */
};

#endif
