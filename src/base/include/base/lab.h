/*
 * CIE L*a*b* of sRGB colours under D65 (CIE 15; IEC 61966-2-1), each of the three divided by 100.
 * Equal distances look about equally large.
 */
#ifndef BIFRONS_BASE_LAB_H
#define BIFRONS_BASE_LAB_H

#include <stdint.h>

/* Matrix from linear (red, green, blue) to (X, Y, Z), each divided by its value for white. */
extern const double lab_from_linear[3][3];
/* The inverse matrix. */
extern const double lab_to_linear[3][3];

/* In double precision, for metrics; model/augment.h has the same as tensor operations. */
void lab_from_srgb(const uint8_t rgb[3], double lab[3]);
/* The inverse. For a colour outside sRGB, each channel gets its nearest value. */
void lab_to_srgb(const double lab[3], uint8_t rgb[3]);

#endif
