/* How sharp a face is. */
#ifndef BIFRONS_DRIVER_FACES_SHARPNESS_H
#define BIFRONS_DRIVER_FACES_SHARPNESS_H

#include "finder.h"

/*
 * picture_sharpness inside the face's mask at 128 pixels a side. Rendered faces have 0.23 to 0.53;
 * after a Gaussian blur whose deviation is 1/40 of the face's side, 0.04. ST_MEMORY.
 */
enum status sharpness_of(const struct pyramid *picture, const struct face *face, double *out,
                         struct errmsg *em) MUST_CHECK;

#endif
