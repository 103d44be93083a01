/*
 * Which pixels of a face matter most: those around the eyes and the mouth, from five landmarks. A
 * small part of the picture decides whether a face looks alive.
 *
 * d is the larger of two distances: between the eyes, between the ends of the mouth. The priority
 * of a pixel is the larger of
 *
 *   eyes  * (1 - (r / 0.4 d)^2)^2    r < 0.4 d: distance to the nearer eye's centre
 *   mouth * (1 - (r / 0.3 d)^2)^2    r < 0.3 d: distance to the line between the ends of the mouth
 *
 * and 0 beyond both.
 */
#ifndef BIFRONS_DATA_PRIORITY_H
#define BIFRONS_DATA_PRIORITY_H

#include <stdint.h>

#include "data/set.h"

struct priority {
    double eyes, mouth; /* weights, 0 or more */
};

/* The priority that a byte of 255 stands for: the larger weight; 0 if both are 0. */
double priority_unit(const struct priority *p);
/* Draws (size, size) bytes. landmarks: of the picture at stored_size, as in the set (data/set.h);
 * landmarks that are not finite draw nothing. */
void priority_draw(const struct priority *p, const float landmarks[SET_LANDMARKS][2],
                   int stored_size, int size, uint8_t *out);

#endif
