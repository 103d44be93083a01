/*
 * CIE L*a*b* of sRGB colours under D65 (CIE 15; IEC 61966-2-1), each of the three divided by 100:
 * distances in it are about as large as they look.
 */
#ifndef BIFRONS_BASE_LAB_H
#define BIFRONS_BASE_LAB_H

#include <stdint.h>

/* Rows give X, Y and Z, each divided by that of white, from linear red, green and blue. */
extern const double lab_from_linear[3][3];
/* Its inverse. */
extern const double lab_to_linear[3][3];

/* In double precision, for measuring; model/augment.h has it as tensor operations. */
void lab_from_srgb(const uint8_t rgb[3], double lab[3]);

#endif
