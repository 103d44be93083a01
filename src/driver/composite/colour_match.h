/* Gives a decoded face the colours of the face that it replaces. Used only by composite.h. */
#ifndef BIFRONS_DRIVER_COMPOSITE_COLOUR_MATCH_H
#define BIFRONS_DRIVER_COMPOSITE_COLOUR_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Changes the L*a*b* mean of the face's n pixels, and their deviation if spread is set, to those of
 * the source's pixels. Both are weighted by opacity; all pixels are changed. (Reinhard et al.,
 * "Color transfer between images", 2001, in another colour space.) Each (n, 3); opacity: grey.
 */
void colour_match(uint8_t *face, const uint8_t *source, const uint8_t *opacity, size_t n,
                  bool spread);

#endif
