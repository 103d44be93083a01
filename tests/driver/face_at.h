/* A face for tests, without a picture. */
#ifndef BIFRONS_TESTS_FACE_AT_H
#define BIFRONS_TESTS_FACE_AT_H

#include "shape.h"

#define FACE_AT_SIDE 200.0

/* Points on a plane whose square, as shape_side measures it, has this side. */
static struct face face_at(double x, double y)
{
    static double scale;
    struct face f = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < FACE_MESH; i++) { /* rows of the mesh's numbers, turned upright */
            f.mesh[i][0] = x + (scale > 0 ? scale : 1) * (i * 197 % 468);
            f.mesh[i][1] = y + (scale > 0 ? scale : 1) * (i * 101 % 468);
        }
        scale = scale > 0 ? scale : FACE_AT_SIDE / shape_side(&f);
    }
    return f;
}

#endif
