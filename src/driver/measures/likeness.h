/*
 * Compares an answer (a swap, a reconstruction) with its source picture by what face networks
 * measure. It needs no true swap.
 *
 *     struct likeness_person people[2] = {0};
 *     likeness_person_add(&people[0], &face);          // for real pictures of both people
 *     struct likeness l = likeness_compare(&source, &swapped, people, 0, 1);
 *
 * The functions depend on their arguments only.
 */
#ifndef BIFRONS_DRIVER_LIKENESS_H
#define BIFRONS_DRIVER_LIKENESS_H

#include <stdint.h>

#include "expression.h"
#include "head_pose.h"

struct likeness_face {
    bool found;
    struct pose pose;
    double expression[EXPRESSIONS];
    float identity[FACE_IDENTITY];
};

/* The face that the finder is surest of, in a picture (size, size, 3). ST_MEMORY, ST_TORCH. */
enum status likeness_look(struct finder *f, const uint8_t *rgb, int size, struct likeness_face *out,
                          struct errmsg *em) MUST_CHECK;

/* Sums over real pictures of a person. */
struct likeness_person {
    int64_t n;
    double identity[FACE_IDENTITY];
    double of[EXPRESSIONS], sum[EXPRESSIONS], squares[EXPRESSIONS]; /* of: how many are known */
};
/* Ignores a face that was not found. */
void likeness_person_add(struct likeness_person *p, const struct likeness_face *face);

enum {
    LIKENESS_IDENTITY, /* place between both people's means: 0 the source's, 1 the other's */
    LIKENESS_POSE,     /* degrees: root of the sum of the squared errors of yaw, pitch and roll */
    LIKENESS_MOUTH,    /* these: error in deviations of the person, each standardised by the mean */
    LIKENESS_WIDTH,    /* and deviation of the person whose face it should be */
    LIKENESS_CORNERS,
    LIKENESS_EYES,
    LIKENESS_BROWS,
    LIKENESS_GAZE,
    LIKENESS_NUMBERS
};
/* "identity", "pose", "mouth", …; static. */
const char *likeness_name(int number);

/* NaN: not known. */
struct likeness {
    double of[LIKENESS_NUMBERS];
};
/* `person` is in the source picture; the answer should show `shown`. Both faces must be found. */
struct likeness likeness_compare(const struct likeness_face *source,
                                 const struct likeness_face *answer,
                                 const struct likeness_person people[static 2], int person,
                                 int shown);

/* Sums over answers, and over those whose error against the true swap is known. */
struct likeness_sum {
    int64_t looked, found;
    double n[LIKENESS_NUMBERS], sum[LIKENESS_NUMBERS];
    struct {
        double n, x, y, xx, yy, xy;
    } pair[LIKENESS_NUMBERS];
};
/* l1 NaN: not known. */
void likeness_add(struct likeness_sum *sum, const struct likeness *l, double l1);
/* NaN: none was added. */
double likeness_mean(const struct likeness_sum *sum, int number);
/* Correlation (Pearson's r) of a number with l1; NaN: fewer than 8 pairs, or all alike. */
double likeness_correlation(const struct likeness_sum *sum, int number);

#endif
