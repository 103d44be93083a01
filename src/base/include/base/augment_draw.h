/*
 * How one training sample is augmented. data/draw_augment.h draws these numbers from (seed, person,
 * position); model/augment.h applies them as batched tensor operations on any device. A plain
 * struct, so that neither module depends on the other.
 *
 * Coordinates are normalised: the picture spans [-1, 1] in x (right) and y (down).
 */
#ifndef BIFRONS_BASE_AUGMENT_DRAW_H
#define BIFRONS_BASE_AUGMENT_DRAW_H

#include <stdbool.h>
#include <stdint.h>

enum { AUGMENT_GRID = 5 }; /* control points a side of the random warp */

struct augment_draw {
    /* applied to both the encoder's input and the target */
    bool flip;    /* mirrored left to right */
    float rotate; /* radians, counter-clockwise */
    float zoom;   /* > 1 enlarges the face */
    float shift_x, shift_y;
    /* applied to the encoder's input only */
    /* x, y displacement of each control point, interpolated between points (model/augment.h) */
    float warp[AUGMENT_GRID][AUGMENT_GRID][2];
    /* 0: own colours; 1: each channel gets the mean and deviation of the other person's training
     * pictures */
    float colour_transfer;
    bool surroundings; /* outside the mask, the other person's picture at the same position */
    float blur;        /* standard deviation of a Gaussian, share of the picture's width */
    float gain[3], offset[3]; /* colour jitter: x * gain + offset, in [0, 1] units */
    float noise;              /* standard deviation, in [0, 1] units; see augment_noise_at */
    /* the input is the network's own swap of the target (model/model.h); the rest of this group is
     * ignored */
    bool back_translation;
    /* applied to the decoder's input: the predicted pose, not the measured one (model.pose) */
    bool predicted_pose;
};

/* The draw that changes nothing. */
/* clang-format off */
#define AUGMENT_NONE ((struct augment_draw){.zoom = 1.0f, .gain = {1.0f, 1.0f, 1.0f}})
/* clang-format on */

/* Colour spaces. LAB: CIE L*a*b* under D65, each divided by 100. */
enum augment_space { AUGMENT_RGB, AUGMENT_LAB };

/* Mean and deviation of each channel. */
struct augment_colours {
    float mean[3], deviation[3];
    enum augment_space space;
};

/* Noise is stored as bytes: AUGMENT_NOISE_ZERO + AUGMENT_NOISE_UNIT * z, z standard normal. */
enum { AUGMENT_NOISE_ZERO = 128, AUGMENT_NOISE_UNIT = 40 };

/* The config's [augment] table. A draw is uniform within each strength. The strength of some
 * changes rises at the start of the run and is 0 at its end: see data/draw_augment.h. */
struct augment_config {
    double flip;       /* probability */
    double rotate_deg; /* +- degrees */
    double zoom;       /* +- share: 0.05 draws from 0.95 to 1.05 */
    double shift;      /* +- share of the picture's width and height */
    double warp;       /* standard deviation of a control point, share of the picture's width */
    double colour_transfer;  /* probability of the other person's colours */
    int64_t colour_space;    /* enum augment_space, for colour_transfer */
    double surroundings;     /* probability of the other person's picture outside the mask */
    double colour_jitter;    /* +- share of gain; half of it is the range of the offset */
    double blur;             /* largest standard deviation, share of width; half stay sharp */
    double noise;            /* largest standard deviation; half stay clean */
    double back_translation; /* probability that the input is the network's own swap */
    double predicted_pose;   /* probability that the decoder is told the predicted pose */
    int64_t ramp_steps;      /* steps in which the strengths rise from 0 */
    int64_t off_steps;       /* steps at the end of the run with strength 0 */
};

#endif
