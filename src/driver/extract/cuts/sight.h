/*
 * Examines one frame: finds the faces, gives each a verdict, and cuts those that are kept.
 *
 *     struct sight sight;
 *     enum status st = sight_look(finder, &rules, &frame, &sight, &em);
 *     if (st == ST_OK)
 *         st = cuts_add(&cuts, &sight, &em);
 *     sight_release(&sight);
 *
 * THREADS: any, each with its own finder.
 */
#ifndef BIFRONS_DRIVER_EXTRACT_SIGHT_H
#define BIFRONS_DRIVER_EXTRACT_SIGHT_H

#include "finder.h"
#include "frames.h"
#include "head_pose.h"
#include "people.h"
#include "shape.h"

/* Defaults of the filters, as numbers and for the help. */
#define SIGHT_SHARPNESS_MIN   0.04
#define SIGHT_SHARPNESS_TEXT  "0.04"
#define SIGHT_DIFFERENCE_MIN  1.0
#define SIGHT_DIFFERENCE_TEXT "1"

/* The verdict on a frame, in the order of the report. */
enum verdict {
    KEPT,
    UNREADABLE,
    NO_FACE,
    TOO_SMALL,
    CUT_OFF,
    BLURRED,
    DUPLICATE,
    OTHER_PERSON,
    UNSURE,
    UNLIKE,
    VERDICTS
};
/* "kept", "too small" and so on: the column verdict of faces.csv. */
const char *verdict_name(enum verdict v);

struct sight_rules {
    int size, side_min;
    enum shape_coverage coverage;
    double sharpness_min;        /* 0: all */
    const struct people *people; /* without references: all faces count as the person's */
};

enum { SIGHT_GIST = 24 };

/* A face of the frame. */
struct cut {
    enum verdict verdict;
    double score, side, distance; /* distance: to the references; NaN without one */
    double sharpness;
    struct pose pose;
    struct similarity map;         /* cut picture to picture */
    double points[FACE_POINTS][2]; /* in the cut picture */
    float identity[FACE_IDENTITY];
    /* of faces that are KEPT or UNSURE */
    uint8_t *picture, *mask; /* PNG files */
    size_t picture_bytes, mask_bytes;
    uint8_t gist[SIGHT_GIST * SIGHT_GIST]; /* a small grey picture, to compare with */
};

struct sight {
    const char *path; /* borrowed */
    double time_s;
    enum verdict verdict;                /* if there is no cut: UNREADABLE, NO_FACE */
    struct errmsg why;                   /* of UNREADABLE */
    char profile[PICTURE_PROFILE_BYTES]; /* struct picture's */
    struct cut *cuts;                    /* with references: the nearest face, else all faces */
    size_t n;
};

/* Decodes the frame's picture and releases it. A frame that cannot be read is ST_OK, UNREADABLE.
 * ST_MEMORY, ST_TORCH. */
enum status sight_look(struct finder *f, const struct sight_rules *rules, struct frame *frame,
                       struct sight *out, struct errmsg *em) MUST_CHECK;
void sight_release(struct sight *s);

/* The gist of a cut picture, size x size. */
void sight_gist(const uint8_t *rgb, int size, uint8_t gist[SIGHT_GIST * SIGHT_GIST]);
/* Mean difference of two gists in grey levels. */
double sight_difference(const uint8_t *a, const uint8_t *b);

#endif
