/*
 * Measures the faces of a set: how they are turned, how sharp they are, whose they are.
 *
 *     struct faces f;
 *     if ((st = faces_measure(set, false, &f, &em)) == ST_OK)
 *         faces_print(&f, set);
 */
#ifndef BIFRONS_DRIVER_INSPECT_FACES_H
#define BIFRONS_DRIVER_INSPECT_FACES_H

#include <jansson.h>

#include "data/set.h"

enum { FACES_WORST_MAX = 20, FACES_LOOKED_AT_MAX = 1000 };

/* Poses of all rows. */
struct face_poses {
    bool from_points;          /* data/pose.h: rough, and pitch counts from the person's median */
    double *angle[SET_ANGLES]; /* (n) yaw, pitch, roll in degrees; NaN: not known */
    int64_t n;
};
/* From /pose, or (points, or without /pose) from /points. ST_DATA: the set has neither. */
enum status face_poses_read(struct set *s, bool points, struct face_poses *out,
                            struct errmsg *em) MUST_CHECK;
void face_poses_release(struct face_poses *p);

/* Least, percentiles and most of the known numbers. */
struct spread {
    int64_t known; /* 0: nothing below is set */
    double least, p5, p50, p95, most;
};

/* Pictures with unusual numbers, the worst first. */
struct unusual {
    int64_t n; /* also those that are not listed */
    struct {
        int64_t row;
        double value;
    } worst[FACES_WORST_MAX];
};

struct faces {
    bool pose_from_points;
    struct spread angles[SET_ANGLES];
    /* Root mean square of the Laplacian over the deviation of the brightness, inside the mask, at
     * up to 128 px. Blurred: less than half of the median. */
    struct spread sharpness;
    struct unusual blurred;
    /* Distance of /identity to the mean of the half that is nearest to the mean of all. Strangers:
     * beyond the median by four times the robust deviation, and by at least 0.1. */
    struct spread identity;
    struct unusual strangers;
    int64_t sources; /* different ones; 0: not known */
    struct spread time;
};

/* all: measures the sharpness of every picture; else of FACES_LOOKED_AT_MAX, evenly spread. ST_IO,
 * ST_DATA, ST_MEMORY. */
enum status faces_measure(struct set *s, bool all, struct faces *out, struct errmsg *em) MUST_CHECK;
void faces_print(const struct faces *f, const struct set *s);
/* {"pose", "sharpness", "identity", "sources", "time"}, each null where not known. */
json_t *faces_json(const struct faces *f, const struct set *s);

#endif
