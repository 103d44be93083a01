/*
 * Puts a decoded face back into its picture. Pure functions.
 *
 *     struct composite_options options = COMPOSITE_DEFAULTS;
 *     struct composite_face face = {&cut, size, side, decoded, source, hull, NULL};
 *     st = composite(&picture, &face, &options, &em);
 *
 * The face fades towards the hull's edge, over a share of the face's side, and where the decoder's
 * mask ends. Pixels of the picture where the face is wholly transparent do not change.
 */
#ifndef BIFRONS_DRIVER_COMPOSITE_COMPOSITE_H
#define BIFRONS_DRIVER_COMPOSITE_COMPOSITE_H

#include "data/warp.h"

/* How the face's colours follow those of the face that it replaces. */
enum composite_colour {
    COMPOSITE_NONE,
    COMPOSITE_MEAN, /* the means of L*, a* and b*; pixels count by their opacity */
    COMPOSITE_LAB,  /* their deviations, too */
};

struct composite_options {
    enum composite_colour colour;
    double erode, feather; /* shares of the side of the face's square (brows to chin) */
};
#define COMPOSITE_DEFAULTS                                      \
    {                                                           \
        .colour = COMPOSITE_LAB, .erode = 0.02, .feather = 0.10 \
    }
#define COMPOSITE_SHARE_MAX 0.5 /* the largest erode and feather */

struct composite_face {
    const struct similarity *cut; /* cut picture to picture */
    int size;
    double side;           /* of the face's square, in pixels of the cut picture */
    uint8_t *decoded;      /* (size, size, 3); its colours are changed */
    const uint8_t *source; /* (size, size, 3), what the cut picture showed */
    const uint8_t *hull;   /* (size, size); not 0: inside the face's hull */
    const uint8_t *limit;  /* (size, size): the decoder's mask, 0 to 255; NULL: the hull alone */
};

/* Errors: ST_MEMORY. */
enum status composite(struct picture *picture, const struct composite_face *face,
                      const struct composite_options *options, struct errmsg *em) MUST_CHECK;

#endif
