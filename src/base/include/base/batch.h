/*
 * A batch: one rank's samples of both people, as plain arrays. The loader fills it and the model
 * reads it; neither module depends on the other.
 *
 *     struct batch b = {0};
 *     enum status st = batch_init(&b, capacity, size, BATCH_MASKS | BATCH_NOISE, &em);
 *     // loader_fill, model_backward
 *     batch_release(&b);
 *
 * A batch may also point to arrays of the caller: fill in the struct and do not release it. A NULL
 * array is absent; a person whose images are NULL is left out of the step.
 *
 * To add an array, add a row to BATCH_MAP, fill it in src/data/loader.c and read it in the model
 * (src/model/pixels.c makes the tensors).
 */
#ifndef BIFRONS_BASE_BATCH_H
#define BIFRONS_BASE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/augment_draw.h"
#include "base/points.h"
#include "base/status.h"

/* clang-format off */
/* X(NAME, field, type, numbers of one sample): an array (n, ...). `pixels` is size * size. */
#define BATCH_MAP(X) \
    X(IMAGES, images, uint8_t, 3 * pixels)     /* (n, size, size, 3) sRGB */ \
    X(MASKS, masks, uint8_t, pixels)           /* (n, size, size), 255 = face */ \
    X(NOISE, noise, uint8_t, 3 * pixels)       /* (n, size, size, 3), see base/augment_draw.h */ \
    X(PRIORITY, priority, uint8_t, pixels)     /* (n, size, size), see data/priority.h */ \
    X(POSE, pose, float, 2 * FACE_POINTS)      /* (n, 70, 2) z, see data/pose.h */ \
    X(POSE_KNOWN, pose_known, float, 2 * FACE_POINTS) /* (n, 70, 2) 1: z was measured; else 0 */ \
    X(DRAWS, draws, struct augment_draw, 1)    /* (n); NULL: all AUGMENT_NONE */ \
    X(ROWS, rows, int64_t, 1)                  /* (n) row of each picture in its set */
/* clang-format on */

struct batch {
    size_t n, capacity; /* samples of each person, and room for how many */
    int size;           /* width and height of a picture */
#define X(name, field, type, numbers) type *field[2]; /* [0]: A, [1]: B */
    BATCH_MAP(X)
#undef X
};

enum {
#define X(name, ...) BATCH_BIT_##name,
    BATCH_MAP(X)
#undef X
};
enum batch_array {
#define X(name, ...) BATCH_##name = 1 << BATCH_BIT_##name,
    BATCH_MAP(X)
#undef X
};

/* Allocates images, draws, rows, and `arrays` (enum batch_array, joined by |). ST_MEMORY. */
enum status batch_init(struct batch *b, size_t capacity, int size, unsigned arrays,
                       struct errmsg *em) MUST_CHECK;
void batch_release(struct batch *b);
/* The arrays that a person (0: A, 1: B) has, as enum batch_array joined by |. */
unsigned batch_arrays(const struct batch *b, int person);

#endif
