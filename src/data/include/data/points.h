/*
 * Points of a face (base/points.h): what follows from where they lie. Pure functions.
 *
 *     float points[FACE_POINTS][2];
 *     if ((st = set_read_points(set, row, points, &em)) == ST_OK) {
 *         points_normalise(points, set_get_info(set)->size);
 *         points_move(&draw, points);
 *     }
 *
 * Coordinates are x to the right and y down. Functions that ask for pixels take pixel centres;
 * those that ask for normalised ones take base/augment_draw.h's, in which the picture spans [-1,
 * 1].
 */
#ifndef BIFRONS_DATA_POINTS_H
#define BIFRONS_DATA_POINTS_H

#include <stdbool.h>

#include "base/augment_draw.h"
#include "base/points.h"
#include "data/set.h"

/* The farthest that a landmark may lie from the points' own, as a share of the face's unit: the
 * larger of the distances between the eyes and from the eyes' middle to the mouth's. */
#define POINTS_TOLERANCE    0.25
#define POINTS_TOLERANCE_PX 1.0 /* but never less than this */

/* Both coordinates are finite. */
bool point_is_known(const float point[2]);
int points_known(const float points[FACE_POINTS][2]);
/* "jaw", "brow", "nose", "eye", "mouth", "pupil"; static. */
const char *point_part(int point);
/* -1 left, 1 right, 0 in the middle of the face. */
int point_side(int point);
/* The point that takes this one's place in a mirrored picture. */
int point_mirrored(int point);

/* Eyes, nose, mouth ends. An eye is the mean of its six points, or its pupil where one of the six
 * is unknown; the nose is its tip. NaN where that is unknown. */
void points_landmarks(const float points[FACE_POINTS][2], float out[SET_LANDMARKS][2]);

/* How landmarks differ from the points' own. */
struct points_difference {
    int landmark;       /* the worst one, or -1: they agree, or too little is known to tell */
    float own[2];       /* where the points have it */
    double apart, unit; /* pixels */
};
struct points_difference points_compare(const float points[FACE_POINTS][2],
                                        const float landmarks[SET_LANDMARKS][2]);
/* "left eye", "right eye", "nose", "left mouth end", "right mouth end"; static. */
const char *landmark_name(int landmark);

/*
 * The part of the face ("eyes", "pupils"; static) whose left and right points are exchanged, or
 * NULL: none. Judged by geometry, at any roll of the head. *upside_down_out: left and right are in
 * place, but the mouth lies above the eyes, as it does where y is measured from the lower edge.
 */
const char *points_exchanged(const float points[FACE_POINTS][2], bool *upside_down_out);

/* Pixels of a picture of size x size to normalised coordinates, and back. */
void points_normalise(float points[FACE_POINTS][2], int size);
void points_to_pixels(float points[FACE_POINTS][2], int size);

/*
 * Moves points, normalised, as augmentation moves the target: flipped, with left and right points
 * changing places, rotated, zoomed, shifted. The warp of the encoder's input is not applied.
 */
void points_move(const struct augment_draw *d, float points[FACE_POINTS][2]);

#endif
