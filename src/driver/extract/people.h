/*
 * Who a face is of, by dlib's 128 numbers: distances between faces of one person are about 0.4,
 * between those of two about 0.7; rendered people are nearer to each other.
 *
 *     struct people p = {0};
 *     people_add(&p, PEOPLE_MEANT, &face);                  // of a reference, one or more
 *     if (people_judge(&p, &other_face, &distance) == PERSON_MEANT)
 *         keep(&other_face);
 */
#ifndef BIFRONS_DRIVER_EXTRACT_PEOPLE_H
#define BIFRONS_DRIVER_EXTRACT_PEOPLE_H

#include <stddef.h>

#include "base/status.h"
#include "finder.h"

enum people_side { PEOPLE_MEANT, PEOPLE_OTHERS, PEOPLE_SIDES };

struct people {
    double sum[PEOPLE_SIDES][FACE_IDENTITY];
    size_t n[PEOPLE_SIDES];
};

enum person { PERSON_MEANT, PERSON_UNSURE, PERSON_OTHER };

void people_add(struct people *p, enum people_side side, const struct face *face);
/* *distance_out: to the mean of the references of who is meant. */
enum person people_judge(const struct people *p, const struct face *face, double *distance_out);

/*
 * Do these faces fall into two people, of two faces or more each? (Two faces alone: are
 * they of two people?) Means of two clusters (Lloyd's
 * algorithm from the two faces that are farthest apart). second[i]: face i is of the smaller
 * cluster, which is a single one, unlike all others, where false is returned; of none where they
 * are alike.
 */
bool people_split(const float (*identities)[FACE_IDENTITY], size_t n, bool *second);

#endif
