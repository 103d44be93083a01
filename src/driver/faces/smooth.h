/*
 * Smooths the points of one face over the frames of a video, so that a still face does not tremble
 * and a moving face does not lag.
 *
 *     struct smooth s = {0};
 *     while (next_frame(&face, &time_s))
 *         smooth_face(&s, &face, time_s);          // changes the face's points
 *
 * The 1 EUR filter (G. Casiez, N. Roussel, D. Vogel, "1 EUR Filter", CHI 2012) on each point: a
 * low-pass of first order whose cut-off frequency rises with the point's speed,
 *
 *     cut-off = 1 Hz + 12 Hz x speed, in sides of the face a second,
 *
 * the speed itself smoothed at 1 Hz. It uses the frames' true times. White noise of 1 pixel on a
 * still face of 200 pixels becomes less than half a pixel at 25 frames a second; a head that
 * crosses its own width in a second is followed within a hundredth of that width.
 *
 * It restarts after half a second without the face, and when the face jumps by half its side from
 * one frame to the next (a cut).
 */
#ifndef BIFRONS_DRIVER_FACES_SMOOTH_H
#define BIFRONS_DRIVER_FACES_SMOOTH_H

#include "finder.h"

enum { SMOOTH_POINTS = FACE_MESH + 2 }; /* with the pupils */

struct smooth {
    bool begun;
    double time_s; /* of the last frame */
    double at[SMOOTH_POINTS][3], speed[SMOOTH_POINTS][3];
};

/* True if the face is where the last one was: at most half a second later, and moved by at most
 * half its side. time_s NaN: false. */
bool smooth_goes_on(const struct smooth *s, const struct face *face, double time_s);
/* time_s: later than the frame before. */
void smooth_face(struct smooth *s, struct face *face, double time_s);

#endif
