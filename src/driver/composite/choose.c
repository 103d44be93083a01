#include "choose.h"

#include <math.h>
#include <string.h>

#include "base/poison.h"

#define FOLLOW_MAX_S 1.0
#define STEP_MAX     0.40 /* two people are about 0.6 apart, equally blurred ones still 0.44 */

/* Whose face it is, or CHOICE_NOBODY. A face that resembles both people belongs to the more similar
 * one. */
static int whose(const struct people people[MODEL_PEOPLE], const struct face *face,
                 enum person *judged, double *least)
{
    int best = CHOICE_NOBODY;
    *judged = PERSON_OTHER;
    *least = INFINITY;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        double distance;
        if (people[who].n[PEOPLE_MEANT] == 0)
            continue;
        enum person person = people_judge(&people[who], face, &distance);
        if (person == PERSON_OTHER || distance >= *least)
            continue;
        best = who;
        *judged = person;
        *least = distance;
    }
    return best;
}

static double step(const float *a, const float *b)
{
    double squares = 0;
    for (int i = 0; i < FACE_IDENTITY; i++)
        squares += pow((double)a[i] - (double)b[i], 2);
    return sqrt(squares);
}

/* The only face at the place of the person's last one, if it may be that person's. */
static int follow(const struct people *people, const struct choice *last, const struct face *faces,
                  size_t n, double time_s)
{
    int found = CHOICE_NOBODY;
    for (size_t k = 0; k < n; k++) {
        if (!smooth_goes_on(&last->smooth, &faces[k], time_s))
            continue;
        if (found != CHOICE_NOBODY)
            return CHOICE_NOBODY;
        found = (int)k;
    }
    if (found == CHOICE_NOBODY || time_s - last->sure_s > FOLLOW_MAX_S ||
        !(step(faces[found].identity, last->identity) <= STEP_MAX) ||
        people_nearer_to_others(people, &faces[found]))
        return CHOICE_NOBODY;
    return found;
}

struct choice_left choose(const struct people people[MODEL_PEOPLE], const struct face *faces,
                          size_t n, double time_s, struct choice out[MODEL_PEOPLE])
{
    struct choice_left left = {0};
    enum person judged[FINDER_FACES_MAX];
    double nearest[MODEL_PEOPLE] = {INFINITY, INFINITY};
    for (int who = 0; who < MODEL_PEOPLE; who++)
        out[who].face = CHOICE_NOBODY;
    for (size_t k = 0; k < n; k++) {
        double distance;
        int who = whose(people, &faces[k], &judged[k], &distance);
        if (judged[k] == PERSON_MEANT && distance < nearest[who]) {
            nearest[who] = distance;
            out[who].face = (int)k;
        }
    }
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        struct choice *c = &out[who];
        bool sure = c->face != CHOICE_NOBODY;
        if (sure)
            c->sure_s = time_s;
        else
            c->face = follow(&people[who], c, faces, n, time_s);
        c->followed = !sure && c->face != CHOICE_NOBODY;
        if (c->face != CHOICE_NOBODY)
            memcpy(c->identity, faces[c->face].identity, sizeof c->identity);
    }
    for (size_t k = 0; k < n; k++) {
        bool chosen = false;
        for (int who = 0; who < MODEL_PEOPLE; who++)
            chosen = chosen || out[who].face == (int)k;
        left.n_others += !chosen && judged[k] == PERSON_OTHER;
        left.n_unsure += !chosen && judged[k] != PERSON_OTHER;
    }
    return left;
}
