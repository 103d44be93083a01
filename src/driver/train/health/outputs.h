/*
 * What a decoder draws, looked at directly: how far its reconstructions are from the pictures, how
 * much they vary, and how many of their values are black or white. All of 8-bit RGB pictures.
 *
 * Sums are of whole numbers, and so exact: they are the same in whichever order pictures, ranks and
 * their sums are added. A struct outputs_sum is an array of doubles, to be added up over ranks.
 *
 *     outputs_add(&sum, reconstruction, picture, mask_or_null, size);     // of each picture
 *     struct outputs o = outputs_from(&sum);
 */
#ifndef BIFRONS_DRIVER_TRAIN_OUTPUTS_H
#define BIFRONS_DRIVER_TRAIN_OUTPUTS_H

#include <stdint.h>

enum { OUTPUTS_CELLS = 8, OUTPUTS_GRID = OUTPUTS_CELLS * OUTPUTS_CELLS * 3 };

/* Sums over pictures, of reconstructions or of the pictures they stand for. */
struct outputs_spread {
    double within;              /* squared distances of pixels from their picture's mean colour */
    double cells[OUTPUTS_GRID]; /* mean colours of a grid of cells, … */
    double cell_squares;        /* and all their squares */
    double extreme;             /* values that are black or white */
};

struct outputs_sum {
    double pictures, values;
    double error_weight, error, grey; /* by the mask: its sum, and those of absolute differences */
    struct outputs_spread made, wanted;
};

/* Differences and deviations in units of full scale. */
struct outputs {
    double pictures;
    double error; /* mean absolute difference between reconstruction and picture */
    double grey;  /* and between plain grey and picture */
    struct outputs_look {
        double contrast; /* standard deviation over the pixels of a picture */
        double variety;  /* and over pictures, at the same place */
        double extreme;  /* share of values within 1 of 0 or 255 */
    } made, wanted;
};

/* made and wanted: (size, size, 3); mask: (size, size), or NULL to compare whole pictures. */
void outputs_add(struct outputs_sum *sum, const uint8_t *made, const uint8_t *wanted,
                 const uint8_t *mask, int size);
/* NaN of nothing. */
struct outputs outputs_from(const struct outputs_sum *sum);

#endif
