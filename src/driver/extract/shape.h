/*
 * The shape of a face: which points of the mesh are which of the 70 of a set, how a face lies in
 * the cut picture, and which pixels are face. Pure functions.
 *
 *     struct similarity cut = shape_cut(&face, SHAPE_HEAD, 256);   // cut picture to picture
 *     double points[FACE_POINTS][2];
 *     shape_points(&face, points);                                 // in the picture
 */
#ifndef BIFRONS_DRIVER_EXTRACT_SHAPE_H
#define BIFRONS_DRIVER_EXTRACT_SHAPE_H

#include "base/points.h"
#include "data/warp.h"
#include "finder.h"

/* Points of the mesh; left and right are the picture's. */
enum {
    MESH_NOSE = 1,
    MESH_LEFT_EYE_OUTER = 33,
    MESH_LEFT_EYE_INNER = 133,
    MESH_RIGHT_EYE_INNER = 362,
    MESH_RIGHT_EYE_OUTER = 263,
};

enum { SHAPE_OUTLINE = 36 };

/* Those of base/points.h, all known. */
void shape_points(const struct face *face, double out[FACE_POINTS][2]);

enum shape_coverage {
    SHAPE_FACE, /* brows to chin */
    SHAPE_HEAD, /* the hair, too */
};
/*
 * How the cut picture, size x size, lies in the picture: the similarity that best takes a mean
 * face's brows, nose, eyes and mouth to this one's. Points that lie far off (an open mouth) count
 * less (Huber's weights).
 */
struct similarity shape_cut(const struct face *face, enum shape_coverage coverage, int size);
/* Pixels a side of the face's square (SHAPE_FACE) in the picture. */
double shape_side(const struct face *face);
/* How dlib's network wants a face: its corners of the eyes and the end of the nose in their places.
 */
struct similarity shape_identity_chip(const struct face *face, int size);

/* 255 inside the face in the cut picture, else 0: the hull of the mesh's outline and of points
 * above the brows. mask (size, size). */
void shape_mask(const struct face *face, const struct similarity *cut, int size, uint8_t *mask);
/* The share of the outline's points that lie outside of the picture. */
double shape_outside(const struct face *face, const struct picture *picture);

#endif
