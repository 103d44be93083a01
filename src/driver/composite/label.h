/*
 * The label "AI" of composites, outside of the faces if possible. In a video it stays in its
 * corner, and changes the corner only where it has hidden more of the faces than another corner for
 * a second.
 *
 *     struct label label = LABEL_INITIAL;
 *     label_draw(&label, &picture, faces, n, NAN);
 */
#ifndef BIFRONS_DRIVER_COMPOSITE_LABEL_H
#define BIFRONS_DRIVER_COMPOSITE_LABEL_H

#include <math.h>

#include "data/picture.h"
#include "finder.h"

struct label {
    int corner;
    double best_s; /* time of the last frame in which no other corner was better */
};

#define LABEL_INITIAL ((struct label){.best_s = -INFINITY})

/* faces: at most FINDER_FACES_MAX. time_s: NaN: a single picture. */
void label_draw(struct label *l, struct picture *out, const struct face *faces, size_t n,
                double time_s);

#endif
