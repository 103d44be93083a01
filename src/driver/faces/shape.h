/*
 * The shape of a face: its 70 points from the mesh, its place in the cut picture, and its mask.
 * Pure functions.
 *
 *     struct similarity cut = shape_cut(&face, SHAPE_HEAD, 256);   // cut picture to picture
 *     double points[FACE_POINTS][2];
 *     shape_points(&face, points);                                 // in the picture
 */
#ifndef BIFRONS_DRIVER_FACES_SHAPE_H
#define BIFRONS_DRIVER_FACES_SHAPE_H

#include "base/points.h"
#include "data/warp.h"
#include "finder.h"

/* Points of the mesh; left and right as in the picture. */
enum {
    MESH_NOSE = 1,
    MESH_LEFT_EYE_OUTER = 33,
    MESH_LEFT_EYE_INNER = 133,
    MESH_RIGHT_EYE_INNER = 362,
    MESH_RIGHT_EYE_OUTER = 263,
};

enum { SHAPE_OUTLINE = 36 };

/* The points of base/points.h, all known. */
void shape_points(const struct face *face, double out[FACE_POINTS][2]);

enum shape_coverage {
    SHAPE_FACE, /* brows to chin */
    SHAPE_HEAD, /* the hair, too */
    SHAPE_COVERAGES
};
extern const char *const shape_coverage_names[SHAPE_COVERAGES]; /* of --coverage */
/*
 * The similarity from the cut picture, size x size, to the picture: it best takes the brows, nose,
 * eyes and mouth of a mean face to those of this face. Points that are far off (an open mouth) have
 * less weight (Huber).
 */
struct similarity shape_cut(const struct face *face, enum shape_coverage coverage, int size);
/* The coverage whose distance of the pupils is nearest to this mean distance, a share of the
 * picture's side. *fits_out: true if turned heads and other proportions can explain the
 * difference. */
enum shape_coverage shape_coverage_of(double pupils, bool *fits_out);
/* Side of the face's square (SHAPE_FACE) in the picture, in pixels. */
double shape_side(const struct face *face);
/* The chip for dlib's network: the corners of the eyes and the end of the nose at fixed places. */
struct similarity shape_identity_chip(const struct face *face, int size);

/* 255 inside the face in the cut picture, else 0: the convex hull of the mesh's outline and of
 * points above the brows. mask (size, size). */
void shape_mask(const struct face *face, const struct similarity *cut, int size, uint8_t *mask);
/* The share of the outline's points that are outside the picture. */
double shape_outside(const struct face *face, const struct picture *picture);

#endif
