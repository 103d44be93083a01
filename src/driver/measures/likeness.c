#include "likeness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "data/picture.h"

#include "base/poison.h"

enum { PAIRS_MIN = 8 };

/* ---- Faces and people ------------------------------------------------------------------------ */

enum status likeness_look(struct finder *f, const uint8_t *rgb, int size, struct likeness_face *out,
                          struct errmsg *em)
{
    size_t n = 0;
    struct picture picture;
    struct face *faces = calloc(FINDER_FACES_MAX, sizeof *faces);
    enum status st =
        faces ? picture_init(&picture, size, size, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK) {
        memcpy(picture.rgb, rgb, 3 * (size_t)size * (size_t)size);
        st = finder_find(f, &picture, faces, &n, em);
        picture_release(&picture);
    }
    if (st == ST_OK) {
        *out = (struct likeness_face){.found = n > 0};
        if (n > 0) {
            out->pose = pose_of(&faces[0]);
            expression_of(&faces[0], out->expression);
            memcpy(out->identity, faces[0].identity, sizeof out->identity);
        }
    }
    free(faces);
    return st;
}

void likeness_person_add(struct likeness_person *p, const struct likeness_face *face)
{
    if (!face->found)
        return;
    p->n++;
    for (int i = 0; i < FACE_IDENTITY; i++)
        p->identity[i] += (double)face->identity[i];
    for (int i = 0; i < EXPRESSIONS; i++)
        if (!isnan(face->expression[i])) {
            p->of[i]++;
            p->sum[i] += face->expression[i];
            p->squares[i] += face->expression[i] * face->expression[i];
        }
}

/* ---- One answer ------------------------------------------------------------------------------ */

const char *likeness_name(int number)
{
    static const char *const names[LIKENESS_NUMBERS] = {"identity", "pose", "mouth", "width",
                                                        "corners",  "eyes", "brows", "gaze"};
    return names[number];
}

/* The face's place between both people's means: 0 at the source person's, 1 at the other's. */
static double identity_place(const struct likeness_face *answer,
                             const struct likeness_person people[2], int person)
{
    const struct likeness_person *from = &people[person], *to = &people[1 - person];
    double along = 0, square = 0;
    for (int i = 0; i < FACE_IDENTITY; i++) {
        double start = from->identity[i] / (double)from->n,
               way = to->identity[i] / (double)to->n - start;
        along += ((double)answer->identity[i] - start) * way;
        square += way * way;
    }
    return along / square;
}

static double standardise(const struct likeness_person *p, const struct likeness_face *face, int i)
{
    double mean = p->sum[i] / p->of[i], variance = p->squares[i] / p->of[i] - mean * mean;
    return variance > 1e-12 ? (face->expression[i] - mean) / sqrt(variance) : NAN;
}

struct likeness likeness_compare(const struct likeness_face *source,
                                 const struct likeness_face *answer,
                                 const struct likeness_person people[static 2], int person,
                                 int shown)
{
    struct likeness l;
    double error[EXPRESSIONS], yaw = answer->pose.yaw - source->pose.yaw,
                               pitch = answer->pose.pitch - source->pose.pitch,
                               roll = answer->pose.roll - source->pose.roll;
    for (int i = 0; i < EXPRESSIONS; i++)
        error[i] =
            fabs(standardise(&people[shown], answer, i) - standardise(&people[person], source, i));
    l.of[LIKENESS_IDENTITY] = identity_place(answer, people, person);
    l.of[LIKENESS_POSE] = sqrt(yaw * yaw + pitch * pitch + roll * roll);
    for (int i = EXPRESSION_MOUTH; i <= EXPRESSION_BROWS; i++)
        l.of[LIKENESS_MOUTH + i] = error[i];
    l.of[LIKENESS_GAZE] = (error[EXPRESSION_GAZE_X] + error[EXPRESSION_GAZE_Y]) / 2;
    return l;
}

/* ---- Sums ------------------------------------------------------------------------------------ */

void likeness_add(struct likeness_sum *sum, const struct likeness *l, double l1)
{
    for (int k = 0; k < LIKENESS_NUMBERS; k++) {
        double x = l->of[k];
        if (!isfinite(x))
            continue;
        sum->n[k]++;
        sum->sum[k] += x;
        if (isnan(l1))
            continue;
        sum->pair[k].n++;
        sum->pair[k].x += x;
        sum->pair[k].y += l1;
        sum->pair[k].xx += x * x;
        sum->pair[k].yy += l1 * l1;
        sum->pair[k].xy += x * l1;
    }
}

double likeness_mean(const struct likeness_sum *sum, int number)
{
    return sum->n[number] > 0 ? sum->sum[number] / sum->n[number] : NAN;
}

double likeness_correlation(const struct likeness_sum *sum, int number)
{
    double n = sum->pair[number].n, x = sum->pair[number].x, y = sum->pair[number].y,
           of_x = n * sum->pair[number].xx - x * x, of_y = n * sum->pair[number].yy - y * y;
    if (n < PAIRS_MIN || of_x <= 1e-12 || of_y <= 1e-12)
        return NAN;
    return (n * sum->pair[number].xy - x * y) / sqrt(of_x * of_y);
}
