/*
 * The 70 points of a face: the 68 points of iBUG 300-W in their order, then the pupils. Left and
 * right are those of the picture. An unknown point has NaN in x and y.
 *
 *    0 - 16  jaw, from the left ear over the chin (8) to the right ear
 *   17 - 21  left brow, from its outer end; 22 - 26 right brow, from its inner end
 *   27 - 30  ridge of the nose down to its tip (30); 31 - 35 nostrils, from left to right
 *   36 - 41  left eye: outer corner, upper lid (2), inner corner, lower lid (2)
 *   42 - 47  right eye: inner corner, upper lid (2), outer corner, lower lid (2)
 *   48 - 59  outer edge of the lips: left corner (48), upper lip, right corner (54), lower lip
 *   60 - 67  inner edge of the lips: left corner (60), upper lip, right corner (64), lower lip
 *   68, 69   left and right pupil
 */
#ifndef BIFRONS_BASE_POINTS_H
#define BIFRONS_BASE_POINTS_H

enum {
    POINT_JAW = 0,
    POINT_CHIN = 8,
    POINT_LEFT_BROW = 17,
    POINT_RIGHT_BROW = 22,
    POINT_NOSE = 27,
    POINT_NOSE_TIP = 30,
    POINT_NOSTRILS = 31,
    POINT_LEFT_EYE = 36,
    POINT_RIGHT_EYE = 42,
    POINT_LIPS = 48,
    POINT_MOUTH_LEFT = 48,
    POINT_MOUTH_RIGHT = 54,
    POINT_INNER_LIPS = 60,
    POINT_PUPILS = 68,
    FACE_POINTS = 70,
};

/* The mean and deviation that standardise a person's normalised points (data/pose.h). Deviation 0:
 * the coordinate is not known or does not vary. */
struct pose_scale {
    float mean[FACE_POINTS][2], deviation[FACE_POINTS][2];
};

#endif
