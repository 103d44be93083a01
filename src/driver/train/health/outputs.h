/*
 * Statistics of a decoder's reconstructions: their error, how much they vary, and how many of their
 * values are black or white. All pictures are 8-bit RGB.
 *
 * The sums are of whole numbers and exact: the order of pictures and ranks does not change them. A
 * struct outputs_sum is an array of doubles that can be summed over ranks.
 *
 *     outputs_add(&sum, reconstruction, picture, mask_or_null, size);     // for each picture
 *     struct outputs o = outputs_from(&sum);
 */
#ifndef BIFRONS_DRIVER_TRAIN_OUTPUTS_H
#define BIFRONS_DRIVER_TRAIN_OUTPUTS_H

#include <stdint.h>

enum { OUTPUTS_CELLS = 8, OUTPUTS_GRID = OUTPUTS_CELLS * OUTPUTS_CELLS * 3 };

/* Sums over reconstructions (made) or their pictures (wanted). */
struct outputs_spread {
    double within;              /* squared distances of pixels from their picture's mean colour */
    double cells[OUTPUTS_GRID]; /* mean colours of a grid of cells */
    double cell_squares;        /* sum of the squares of the mean colours */
    double extreme;             /* values that are black or white */
};

struct outputs_sum {
    double pictures, values;
    double error_weight, error, grey; /* sum of mask weights, weighted sums of differences */
    struct outputs_spread made, wanted;
};

/* Differences and deviations in units of full scale. */
struct outputs {
    double pictures;
    double error; /* mean absolute difference between reconstruction and picture */
    double grey;  /* mean absolute difference between plain grey and picture */
    struct outputs_look {
        double contrast; /* standard deviation over the pixels of a picture */
        double variety;  /* standard deviation over pictures, at the same place */
        double extreme;  /* share of values within 1 of 0 or 255 */
    } made, wanted;
};

/* made and wanted: (size, size, 3); mask: (size, size), or NULL to compare whole pictures. */
void outputs_add(struct outputs_sum *sum, const uint8_t *made, const uint8_t *wanted,
                 const uint8_t *mask, int size);
/* All NaN if no picture was added. */
struct outputs outputs_from(const struct outputs_sum *sum);

#endif
