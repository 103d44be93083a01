/*
 * Numbers for a facial expression, such as how far the mouth is open, from the mesh in three
 * dimensions. They do not depend on how the head is turned. Compare them between pictures of one
 * person only: faces at rest differ.
 *
 *     double numbers[EXPRESSIONS];
 *     expression_of(&face, numbers);
 *     printf("eyes %.2f\n", numbers[EXPRESSION_EYES]);
 *
 * On rendered pairs of two people in the same scene, these numbers correlate between the two (r):
 * mouth 0.97, width 0.93, corners 0.95, eyes 0.69 to 0.81, brows 0.60 to 0.82.
 */
#ifndef BIFRONS_DRIVER_FACES_EXPRESSION_H
#define BIFRONS_DRIVER_FACES_EXPRESSION_H

#include "finder.h"

/* Lengths are relative to the distance of the eyes' outer corners, those of an eye to its width. */
enum expression {
    EXPRESSION_MOUTH,   /* distance of the lips' inner edges */
    EXPRESSION_WIDTH,   /* distance of the mouth's corners */
    EXPRESSION_CORNERS, /* height of the mouth's corners above its middle */
    EXPRESSION_EYES,    /* distance of the lids */
    EXPRESSION_BROWS,   /* distance of the brows from the corners of the eyes */
    EXPRESSION_GAZE_X,  /* pupils to the picture's right of the eye's middle */
    EXPRESSION_GAZE_Y,  /* pupils below it */
    EXPRESSIONS
};
/* If the eyes are less open than this, the lids hide the pupils: gaze is not known. */
#define EXPRESSION_EYES_SHUT 0.1

/* NaN: not known (gaze). */
void expression_of(const struct face *face, double out[EXPRESSIONS]);

#endif
