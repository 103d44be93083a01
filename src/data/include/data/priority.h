/*
 * Which pixels of a face matter most, from its five landmarks: those around the eyes and around the
 * mouth. A small part of the picture decides whether a face looks alive.
 *
 * With d the larger of the distances between the eyes and between the corners of the mouth, a pixel
 * at distance r from a centre of an eye counts eyes * (1 - (r / 0.4 d)^2)^2 more, one at distance r
 * from the line between the corners of the mouth mouth * (1 - (r / 0.3 d)^2)^2 more, nothing
 * beyond; where both do, the larger counts.
 */
#ifndef BIFRONS_DATA_PRIORITY_H
#define BIFRONS_DATA_PRIORITY_H

#include <stdint.h>

#include "data/set.h"

struct priority {
    double eyes, mouth; /* weights, 0 or more */
};

/* What a byte of 255 stands for: the larger weight; 0 where there is nothing to draw. */
double priority_unit(const struct priority *p);
/* Draws (size, size) bytes. landmarks: of the picture at stored_size, as in the set (data/set.h);
 * not finite ones draw nothing. */
void priority_draw(const struct priority *p, const float landmarks[SET_LANDMARKS][2],
                   int stored_size, int size, uint8_t *out);

#endif
