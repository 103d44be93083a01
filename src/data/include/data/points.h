/*
 * Functions of the points of a face (base/points.h). They depend on their arguments only.
 *
 *     float points[FACE_POINTS][2];
 *     if ((st = set_read_points(set, row, points, &em)) == ST_OK) {
 *         points_normalise(points, set_get_info(set)->size);
 *         points_move(&draw, points);
 *     }
 *
 * x points right, y down. Pixels: pixel centres. Normalised: the picture spans [-1, 1], as in
 * base/augment_draw.h.
 */
#ifndef BIFRONS_DATA_POINTS_H
#define BIFRONS_DATA_POINTS_H

#include <stdbool.h>

#include "base/augment_draw.h"
#include "base/points.h"
#include "data/set.h"

/* How far a landmark may lie from the one that follows from the points, as a share of the face's
 * unit: the larger of two distances, between the eyes and from the middle of the eyes to the middle
 * of the mouth. */
#define POINTS_TOLERANCE    0.25
#define POINTS_TOLERANCE_PX 1.0 /* at least this is allowed */

/* Are both coordinates finite? */
bool point_is_known(const float point[2]);
int points_known(const float points[FACE_POINTS][2]);
/* "jaw", "brow", "nose", "eye", "mouth", "pupil"; static. */
const char *point_part(int point);
/* -1 left, 1 right, 0 in the middle of the face. */
int point_side(int point);
/* The point that takes its place in a mirrored picture. */
int point_mirrored(int point);

/* The landmarks of the points: eyes, nose, mouth ends. An eye is the mean of its six points, or its
 * pupil if one of the six is unknown; the nose is its tip. NaN: unknown. */
void points_landmarks(const float points[FACE_POINTS][2], float out[SET_LANDMARKS][2]);

/* How landmarks differ from those that follow from the points. */
struct points_difference {
    int landmark;       /* the worst one; -1: all agree, or too little is known */
    float own[2];       /* its place by the points */
    double apart, unit; /* pixels */
};
struct points_difference points_compare(const float points[FACE_POINTS][2],
                                        const float landmarks[SET_LANDMARKS][2]);
/* "left eye", "right eye", "nose", "left mouth end", "right mouth end"; static. */
const char *landmark_name(int landmark);

/*
 * The part of the face ("eyes", "pupils"; static) whose left and right points are exchanged; NULL:
 * none. Decided by geometry, at any roll of the head. *upside_down_out: left and right are correct,
 * but the mouth lies above the eyes, which happens if y is measured from the lower edge.
 */
const char *points_exchanged(const float points[FACE_POINTS][2], bool *upside_down_out);

/* Pixels of a picture of size x size to normalised coordinates, and back. */
void points_normalise(float points[FACE_POINTS][2], int size);
void points_to_pixels(float points[FACE_POINTS][2], int size);

/*
 * Moves normalised points as augmentation moves the target: flips (left and right points change
 * places), rotates, zooms, shifts. It does not apply the warp of the encoder's input.
 */
void points_move(const struct augment_draw *d, float points[FACE_POINTS][2]);

#endif
