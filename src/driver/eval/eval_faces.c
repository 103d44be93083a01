/* bifrons eval --faces: measures swaps with face networks. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/log.h"
#include "eval.h"
#include "truth.h"

#include "base/poison.h"

/* Means and deviations of a person's real pictures. */
static enum status measure_person(struct evaluation *e, int person, struct errmsg *em)
{
    int64_t of = eval_training_count(e, person), n = MIN(of, e->arguments.faces);
    enum status st = ST_OK;
    for (int64_t i = 0; i < n && st == ST_OK; i++) {
        struct likeness_face face;
        int64_t row = eval_training_row(e, person, i * of / n);
        st = eval_load(e, person, &row, 1, em);
        if (st == ST_OK)
            st = likeness_look(e->finder, e->batch.images[person], e->size, &face, em);
        if (st == ST_OK)
            likeness_person_add(&e->people[person], &face);
        log_progress("measuring faces of person %c: %" PRId64 "/%" PRId64, 'A' + person, i, n);
    }
    log_progress("%s", "");
    if (st == ST_OK && 2 * e->people[person].n < n)
        st = FAIL(em, ST_DATA,
                  "%s: the networks find a face in %" PRId64 " of %" PRId64
                  " pictures only: --faces cannot measure these",
                  set_path(e->sets[person]), e->people[person].n, n);
    return st;
}

/* A source picture and what is compared with it, (size, size, 3) each. */
struct answers {
    const uint8_t *source, *mask, *shown[FACES_ANSWERS]; /* NULL: there is none */
};

static enum status measure_picture(struct evaluation *e, int person, const struct answers *a,
                                   struct errmsg *em)
{
    struct likeness_face source, answer;
    enum status st = likeness_look(e->finder, a->source, e->size, &source, em);
    if (st != ST_OK || !source.found)
        return st;
    double l1 = NAN;
    if (a->shown[FACES_TRUE])
        l1 = quality_measure(e->meter, a->shown[FACES_SWAP], a->shown[FACES_TRUE], a->mask).l1;
    for (int k = 0; k < FACES_ANSWERS && st == ST_OK; k++) {
        if (!a->shown[k])
            continue;
        struct likeness_sum *sum = &e->faces[person][k];
        st = a->shown[k] == a->source ? ST_OK
                                      : likeness_look(e->finder, a->shown[k], e->size, &answer, em);
        if (a->shown[k] == a->source)
            answer = source;
        sum->looked++;
        if (st != ST_OK || !answer.found)
            continue;
        sum->found++;
        struct likeness l = likeness_compare(&source, &answer, e->people, person,
                                             k == FACES_RECON ? person : 1 - person);
        likeness_add(sum, &l, k == FACES_SWAP ? l1 : NAN);
    }
    return st;
}

static enum status measure_row(struct evaluation *e, int person, int64_t row, uint8_t *buffer,
                               struct errmsg *em)
{
    size_t bytes = (size_t)e->size * (size_t)e->size * 3;
    struct answers a = {.shown[FACES_SWAP] = buffer, .shown[FACES_RECON] = buffer + bytes};
    enum status st = eval_load(e, person, &row, 1, em);
    if (st == ST_OK)
        st = eval_run(e, person, person, e->batch.images[person], 1, buffer + bytes, buffer, em);
    if (st == ST_OK && set_get_info(e->sets[person])->has_truth) {
        a.shown[FACES_TRUE] = buffer + 2 * bytes;
        st = truth_read(e->sets[person], row, e->size, buffer + 2 * bytes, em);
    }
    a.source = a.shown[FACES_UNCHANGED] = e->batch.images[person];
    a.mask = e->batch.masks[person];
    return st == ST_OK ? measure_picture(e, person, &a, em) : st;
}

static enum status measure_faces(struct evaluation *e, int person, struct errmsg *em)
{
    int64_t of = eval_picture_count(e, person), n = MIN(of, e->arguments.faces);
    uint8_t *buffer = malloc(3 * (size_t)e->size * (size_t)e->size * 3);
    enum status st = buffer ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int64_t i = 0; i < n && st == ST_OK; i++) {
        st = measure_row(e, person, eval_picture_row(e, person, i * of / n), buffer, em);
        log_progress("measuring swaps of person %c: %" PRId64 "/%" PRId64, 'A' + person, i, n);
    }
    log_progress("%s", "");
    free(buffer);
    return st;
}

enum status eval_faces(struct evaluation *e, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = measure_person(e, p, em);
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = measure_faces(e, p, em);
    return st;
}
