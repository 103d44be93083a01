#include "people.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "data/set.h"

#include "base/poison.h"

enum { ROUNDS = 20, PERSON_FACES_MIN = 2 };
#define SURE_MAX   0.50 /* distances to the mean of the references */
#define MEANT_MAX  0.60
#define SURE_APART 0.05 /* how much nearer to who is meant than to others */
#define TWO_MIN    SET_PEOPLE_APART
#define PAIR_MIN   0.60 /* between two single faces, which differ more than means do */

void people_add(struct people *p, enum people_side side, const struct face *face)
{
    for (int i = 0; i < FACE_IDENTITY; i++)
        p->sum[side][i] += (double)face->identity[i];
    p->n[side]++;
}

static double distance_to(const double sum[FACE_IDENTITY], size_t n, const float *identity)
{
    double squares = 0;
    for (int i = 0; i < FACE_IDENTITY; i++) {
        double d = sum[i] / (double)n - (double)identity[i];
        squares += d * d;
    }
    return sqrt(squares);
}

/* INFINITY: nobody is on that side. */
static double distance_to_side(const struct people *p, enum people_side side,
                               const struct face *face)
{
    return p->n[side] == 0 ? INFINITY : distance_to(p->sum[side], p->n[side], face->identity);
}

bool people_nearer_to_others(const struct people *p, const struct face *face)
{
    return distance_to_side(p, PEOPLE_OTHERS, face) < distance_to_side(p, PEOPLE_MEANT, face);
}

enum person people_judge(const struct people *p, const struct face *face, double *distance_out)
{
    double meant = distance_to_side(p, PEOPLE_MEANT, face);
    double others = distance_to_side(p, PEOPLE_OTHERS, face);
    *distance_out = meant;
    if (!(meant <= MEANT_MAX) || others < meant) /* NaN is nobody */
        return PERSON_OTHER;
    return meant > SURE_MAX || others - meant < SURE_APART ? PERSON_UNSURE : PERSON_MEANT;
}

static size_t farthest(const float (*identities)[FACE_IDENTITY], size_t n, const double *from)
{
    size_t best = 0;
    double most = -1;
    for (size_t i = 0; i < n; i++) {
        double d = distance_to(from, 1, identities[i]);
        if (d > most) {
            most = d;
            best = i;
        }
    }
    return best;
}

static void copy(const float *identity, double *out)
{
    for (int i = 0; i < FACE_IDENTITY; i++)
        out[i] = (double)identity[i];
}

bool people_split(const float (*identities)[FACE_IDENTITY], size_t n, bool *second)
{
    double mean[2][FACE_IDENTITY], sum[2][FACE_IDENTITY];
    size_t count[2] = {0};
    /* NOLINTNEXTLINE(analyzer-possible-null-argument): people_groups does not call without it */
    memset(second, 0, n * sizeof *second);
    if (n < 2)
        return false;
    copy(identities[0], mean[1]);
    copy(identities[farthest(identities, n, mean[1])], mean[0]);
    copy(identities[farthest(identities, n, mean[0])], mean[1]);
    for (int round = 0; round < ROUNDS; round++) {
        memset(sum, 0, sizeof sum);
        memset(count, 0, sizeof count);
        for (size_t i = 0; i < n; i++) {
            second[i] =
                distance_to(mean[1], 1, identities[i]) < distance_to(mean[0], 1, identities[i]);
            count[second[i]]++;
            for (int k = 0; k < FACE_IDENTITY; k++)
                sum[second[i]][k] += (double)identities[i][k];
        }
        for (int side = 0; side < 2; side++)
            for (int k = 0; k < FACE_IDENTITY && count[side] > 0; k++)
                mean[side][k] = sum[side][k] / (double)count[side];
    }
    double apart = 0;
    for (int k = 0; k < FACE_IDENTITY; k++)
        apart += (mean[1][k] - mean[0][k]) * (mean[1][k] - mean[0][k]);
    size_t smaller = MIN(count[0], count[1]);
    bool far = sqrt(apart) >= (n == 2 ? PAIR_MIN : TWO_MIN);
    bool swap = count[1] > count[0]; /* the second person must be the smaller cluster */
    for (size_t i = 0; i < n; i++)
        second[i] = far && second[i] != swap;
    return far && (n == 2 || smaller >= PERSON_FACES_MIN);
}

size_t people_groups(const float (*identities)[FACE_IDENTITY], size_t n, size_t *group)
{
    float(*some)[FACE_IDENTITY] = calloc(n, sizeof *some);
    bool *second = calloc(n, sizeof *second);
    size_t groups = some && second ? 1 : 0;
    memset(group, 0, n * sizeof *group);
    for (size_t g = 0; g < groups;) {
        size_t of = 0, next = 0, split = 0;
        for (size_t i = 0; i < n; i++)
            if (group[i] == g)
                /* NOLINTNEXTLINE(analyzer-possible-null-argument): groups is 0 without some */
                memcpy(some[of++], identities[i], sizeof *some);
        if (groups < PEOPLE_GROUPS_MAX) {
            (void)people_split((const float(*)[FACE_IDENTITY])some, of, second);
            for (size_t i = 0; i < n; i++)
                if (group[i] == g && second[next++]) {
                    group[i] = groups;
                    split++;
                }
        }
        if (split > 0)
            groups++;
        else
            g++;
    }
    free(second);
    free(some);
    return groups;
}
