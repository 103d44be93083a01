/*
 * Decides whose face it is by dlib's 128 numbers. Distances between faces of one person are about
 * 0.4, of two people about 0.7, of two rendered people less.
 *
 *     struct people p = {0};
 *     people_add(&p, PEOPLE_MEANT, &face);                  // of each reference
 *     if (people_judge(&p, &other_face, &distance) == PERSON_MEANT)
 *         keep(&other_face);
 */
#ifndef BIFRONS_DRIVER_FACES_PEOPLE_H
#define BIFRONS_DRIVER_FACES_PEOPLE_H

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
/* The same for the file of a picture with exactly one face, given as --reference or --other.
 * ST_DATA: it shows none or several; ST_NOINPUT, ST_MEMORY, ST_TORCH. */
enum status people_add_reference(struct people *p, enum people_side side, struct finder *finder,
                                 const char *path, struct errmsg *em) MUST_CHECK;
/* *distance_out: distance to the mean of the wanted person's references. */
enum person people_judge(const struct people *p, const struct face *face, double *distance_out);
bool people_nearer_to_others(const struct people *p, const struct face *face);

/*
 * True if these faces are of two people with at least two faces each (of two faces: one each).
 * Compares the means of two clusters (Lloyd's algorithm, started from the two faces farthest
 * apart). second[i]: face i is in the smaller cluster. If it returns false, at most one face is:
 * one that is unlike all others.
 */
bool people_split(const float (*identities)[FACE_IDENTITY], size_t n, bool *second);

enum { PEOPLE_GROUPS_MAX = 16 };
/* Splits the faces into people by repeated people_split. A single face that is unlike all others
 * counts as a person, too. group[i] is from 0 on. Returns how many people there are; 0: out of
 * memory. */
size_t people_groups(const float (*identities)[FACE_IDENTITY], size_t n, size_t *group);

#endif
