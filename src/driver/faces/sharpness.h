/* How sharp a face is. */
#ifndef BIFRONS_DRIVER_FACES_SHARPNESS_H
#define BIFRONS_DRIVER_FACES_SHARPNESS_H

#include "finder.h"

/*
 * The root mean square of the Laplacian over the standard deviation of the brightness, inside the
 * face's mask at 128 pixels a side (J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield
 * microscopy: a comparative study", 2000, with the contrast divided out). It does not depend on
 * light and contrast; noise raises it. Rendered faces have 0.23 to 0.53; blurred by a Gaussian
 * whose deviation is a fortieth of the face's side, 0.04. ST_MEMORY.
 */
enum status sharpness_of(const struct pyramid *picture, const struct face *face, double *out,
                         struct errmsg *em) MUST_CHECK;

#endif
