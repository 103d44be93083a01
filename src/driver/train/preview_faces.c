#include "preview_faces.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "finder.h"

#include "base/poison.h"

struct preview_faces {
    struct finder *finder;
    int size; /* of the pictures that people and sources were learned from; 0: none yet */
    struct likeness_person people[MODEL_PEOPLE];
    struct likeness_face sources[MODEL_PEOPLE][PREVIEW_PAIRS];
    double ended_s, took_s; /* the last look at swaps: its end, and its duration */
};

/* ---- Opening --------------------------------------------------------------------------------- */

static bool is_wanted(const struct run *run)
{
    if (run->config.log.faces != FACES_AUTO)
        return run->config.log.faces == FACES_ON;
    return set_get_info(run->sets[MODEL_A])->has_identity &&
           set_get_info(run->sets[MODEL_B])->has_identity;
}

struct preview_faces *preview_faces_open(const struct run *run)
{
    struct errmsg em = {0};
    if (!is_wanted(run))
        return NULL;
    struct preview_faces *f = calloc(1, sizeof *f);
    enum status st = f ? ST_OK : FAIL(&em, ST_MEMORY, "out of memory");
    if (st == ST_OK && !finder_is_installed())
        st = FAIL(&em, ST_NODEVICE,
                  "the networks that find faces are missing; fetch them once with scripts/setup "
                  "--photographs");
    if (st == ST_OK)
        st = finder_open(NULL, "cpu", &f->finder, &em);
    if (st == ST_OK) {
        log_info("faces: networks measure identity, pose and expression of the previews' swaps");
        return f;
    }
    if (st == ST_NODEVICE && run->config.log.faces == FACES_AUTO)
        log_info("faces of swaps are not measured: %s", em.text);
    else
        log_warn("faces of swaps are not measured: %s; training continues", em.text);
    preview_faces_free(f);
    return NULL;
}

void preview_faces_free(struct preview_faces *f)
{
    if (!f)
        return;
    finder_free(f->finder);
    free(f);
}

/* ---- Measuring ------------------------------------------------------------------------------- */

/* From training pictures that are spread over the set. */
static enum status learn_person(struct preview_faces *f, struct session *s, int person, int size,
                                struct errmsg *em)
{
    const struct order *o = s->run.orders[person];
    int64_t of = order_train_count(o), n = MIN(of, PREVIEW_FACES_LEARNED);
    struct likeness_person *learned = &f->people[person];
    struct batch b = {0};
    *learned = (struct likeness_person){0};
    enum status st = batch_init(&b, 1, size, 0, em);
    for (int64_t i = 0; i < n && st == ST_OK; i++) {
        struct likeness_face face;
        int64_t row = order_train_row(o, i * of / n);
        st = loader_fill_rows(s->stage.loader, person == MODEL_A ? &row : NULL,
                              person == MODEL_B ? &row : NULL, 1, &b, em);
        if (st == ST_OK)
            st = likeness_look(f->finder, b.images[person], size, &face, em);
        if (st == ST_OK)
            likeness_person_add(learned, &face);
    }
    batch_release(&b);
    if (st == ST_OK && 2 * learned->n < n)
        st = FAIL(em, ST_DATA,
                  "the networks find a face in %" PRId64 " of %" PRId64 " pictures of %s only",
                  learned->n, n, set_path(s->run.sets[person]));
    return st;
}

static const uint8_t *picture_at(const struct preview_pictures *p, const uint8_t *first, size_t i)
{
    return first + i * (size_t)p->size * (size_t)p->size * 3;
}

/* Everything that stays the same while the size does. */
static enum status learn(struct preview_faces *f, struct session *s,
                         const struct preview_pictures *p, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int who = 0; who < MODEL_PEOPLE && st == ST_OK; who++) {
        st = learn_person(f, s, who, p->size, em);
        for (size_t i = 0; i < p->n && st == ST_OK; i++)
            st = likeness_look(f->finder, picture_at(p, p->original[who], i), p->size,
                               &f->sources[who][i], em);
    }
    if (st == ST_OK)
        f->size = p->size;
    return st;
}

bool preview_faces_are_due(const struct preview_faces *f)
{
    return clock_seconds() - f->ended_s >= f->took_s / PREVIEW_FACES_SHARE;
}

enum status preview_faces_measure(struct preview_faces *f, struct session *s,
                                  const struct preview_pictures *p,
                                  struct likeness_sum out[static MODEL_PEOPLE], struct errmsg *em)
{
    BUG_ON(p->n > PREVIEW_PAIRS);
    enum status st = f->size == p->size ? ST_OK : learn(f, s, p, em);
    double started_s = clock_seconds();
    for (int who = 0; who < MODEL_PEOPLE; who++)
        for (size_t i = 0; i < p->n && st == ST_OK; i++) {
            struct likeness_face swap;
            if (!f->sources[who][i].found)
                continue;
            st = likeness_look(f->finder, picture_at(p, p->swap[who], i), p->size, &swap, em);
            out[who].looked++;
            if (st != ST_OK || !swap.found)
                continue;
            out[who].found++;
            struct likeness l =
                likeness_compare(&f->sources[who][i], &swap, f->people, who, 1 - who);
            likeness_add(&out[who], &l, NAN);
        }
    f->ended_s = clock_seconds();
    f->took_s = f->ended_s - started_s;
    return st;
}
