/*
 * Sheets of pictures with captions, dark on light: previews while training, the sheets of `swap
 * --grid`, samples of a set. Independent of training.
 *
 *   preview_grid    2 x 3: A, A > A, A > B / B, B > B, B > A of one pair of pictures
 *   preview_swaps   4 x n: A, A > B, B, B > A of n pairs
 *   preview_sheet   any rows x columns of cells with captions
 *
 * Pictures are shown at least PREVIEW_SIDE_MIN pixels high; smaller ones are enlarged by a whole
 * factor. If picture_text cannot show a person's name, "A" or "B" replaces it.
 *
 * A sheet with decoded faces has "AI" in its lower right corner, and is encoded with preview_mark,
 * whose XMP says composite.
 *
 * The caller owns outputs and frees them with picture_release. Errors: ST_MEMORY; ST_USAGE if a
 * sheet would exceed PICTURE_SIDE_MAX. Thread-safe.
 */
#ifndef BIFRONS_DRIVER_PREVIEW_H
#define BIFRONS_DRIVER_PREVIEW_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "data/picture.h"

enum { PREVIEW_SIDE_MIN = 128, PREVIEW_TEXT_BYTES = 128 };
enum { PREVIEW_A, PREVIEW_B, PREVIEW_PEOPLE };

/* The pictures of n pairs, each array (n, size, size, 3), borrowed. */
struct preview_pictures {
    size_t n;
    int size;
    const char *name[PREVIEW_PEOPLE]; /* names of the people; NULL or "": "A" and "B" */
    const uint8_t *original[PREVIEW_PEOPLE];
    const uint8_t *recon[PREVIEW_PEOPLE]; /* not used by preview_swaps */
    const uint8_t *swap[PREVIEW_PEOPLE];  /* swap[PREVIEW_A]: A's picture with B's face */
    bool no_ai_label;                     /* only if the user asked for it */
};

/* Content of the footer: "stage 2 of 3 step 1240 epoch 20 val loss 0.0433". */
struct preview_state {
    int64_t stage, stages; /* stages: how many; 0: omitted */
    int64_t step, epoch;   /* negative: omitted */
    double val_loss;       /* NaN: omitted */
};

/* The pair number `index`. state NULL: no footer text. */
enum status preview_grid(const struct preview_pictures *p, size_t index,
                         const struct preview_state *state, struct picture *out,
                         struct errmsg *em) MUST_CHECK;
/* All n pairs, one a column. */
enum status preview_swaps(const struct preview_pictures *p, const struct preview_state *state,
                          struct picture *out, struct errmsg *em) MUST_CHECK;

/* One square picture of a sheet and the line under it; rgb NULL: left empty. */
struct preview_cell {
    const uint8_t *rgb;  /* (size, size, 3), borrowed */
    const char *caption; /* UTF-8, NULL: none; cut to the picture's width */
};

struct preview_sheet {
    int rows, columns, size;          /* size: pixels a side of every picture */
    const struct preview_cell *cells; /* (rows, columns) */
    const char *const *row_titles;    /* (rows), left of the rows; NULL: none */
    const char *const *column_titles; /* (columns), above the columns; NULL: none */
    const char *title, *footer;       /* NULL: none */
    bool ai_label;                    /* "AI" in the lower right corner */
};

enum status preview_sheet(const struct preview_sheet *s, struct picture *out,
                          struct errmsg *em) MUST_CHECK;

/*
 * The mark for the encoded sheet of decoded faces. The sheet has its visible label already.
 * checkpoint_hash: 32 hex digits or NULL, borrowed.
 */
struct picture_mark preview_mark(const char *checkpoint_hash);

#endif
