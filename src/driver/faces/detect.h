/* Finds candidate faces with BlazeFace's full-range network. Used only by finder.h. */
#ifndef BIFRONS_DRIVER_FACES_DETECT_H
#define BIFRONS_DRIVER_FACES_DETECT_H

#include <stddef.h>

#include "base/status.h"
#include "data/warp.h"
#include "model/operations.h"

enum { DETECTIONS_MAX = 1024 };
#define DETECTION_SURE 0.5 /* a score; what has less takes a second opinion */

struct detection {
    double score;
    double box[4];     /* left, top, right, bottom */
    double eyes[2][2]; /* the picture's left one first */
};

/* True if the network has the shapes that this code reads. */
bool detect_fits(const struct operations_network *network);
enum detect_reach {
    DETECT_SURE,   /* the whole picture; until a detection is sure, tiles of 1/2 and 1/4, too */
    DETECT_HALVES, /* tiles of 1/2: smaller faces beside a large one */
};
/* One detection per face, the surest first. Errors: ST_MEMORY, ST_TORCH. */
enum status detect(struct operations_file *file, const struct operations_network *network,
                   const struct pyramid *picture, enum detect_reach reach,
                   struct detection out[DETECTIONS_MAX], size_t *n_out,
                   struct errmsg *em) MUST_CHECK;

#endif
