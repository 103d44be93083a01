#include "swap_into.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "composite_note.h"
#include "finder.h"
#include "swap_video.h"

#include "base/poison.h"

enum { WHO_BYTES = 160 };

struct work {
    const struct into_arguments *a;
    const struct loaded *loaded;
    struct source *source;
    const struct results *results;
    struct finder *finder;
    struct into *into;
    bool sought[MODEL_PEOPLE];                         /* whose faces are replaced */
    struct name_list no_face, nobody, unsure, several; /* pictures */
    struct name_list generated;                        /* inputs that were swapped already */
    struct earlier_results earlier;
    int64_t written;
    size_t n_unsure, n_others; /* faces */
};

/* ---- Who ------------------------------------------------------------------------------------- */

/* What the checkpoint knows of a person, as if it were one face. */
static void add_known(struct people *people, enum people_side side,
                      const struct set_identity *known)
{
    struct face face = {0};
    memcpy(face.identity, known->mean, sizeof face.identity);
    if (known->known)
        people_add(people, side, &face);
}

/* Nobody's face is replaced in the name of a person of the checkpoint. */
static enum status check_references(const struct work *w, const struct people *referred,
                                    struct errmsg *em)
{
    int who = w->a->person;
    struct people known = {0};
    struct face face = {0};
    double distance;
    add_known(&known, PEOPLE_MEANT, &w->loaded->identities[who]);
    add_known(&known, PEOPLE_OTHERS, &w->loaded->identities[MODEL_PEOPLE - 1 - who]);
    if (known.n[PEOPLE_MEANT] == 0)
        return ST_OK;
    for (int i = 0; i < FACE_IDENTITY; i++)
        face.identity[i] =
            (float)(referred->sum[PEOPLE_MEANT][i] / (double)referred->n[PEOPLE_MEANT]);
    if (people_judge(&known, &face, &distance) != PERSON_OTHER)
        return ST_OK;
    return FAIL(em, ST_DATA,
                "--reference does not show %s: the face is unlike those that the checkpoint was "
                "trained on. Name a picture of %s, or leave out --reference, because the "
                "checkpoint knows that face%s",
                w->loaded->people[who], w->loaded->people[who],
                who == MODEL_A ? " (for the other person's face: --direction b2a)" : "");
}

/* Whose faces are replaced: the references', else those that the checkpoint knows. */
static enum status find_people(struct work *w, struct people people[MODEL_PEOPLE],
                               struct errmsg *em)
{
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        if (w->a->person != INTO_BOTH && w->a->person != who)
            continue;
        if (w->a->n_references[PEOPLE_MEANT] == 0)
            add_known(&people[who], PEOPLE_MEANT, &w->loaded->identities[who]);
        if (w->a->n_references[PEOPLE_OTHERS] == 0)
            add_known(&people[who], PEOPLE_OTHERS, &w->loaded->identities[MODEL_PEOPLE - 1 - who]);
    }
    enum status st = ST_OK;
    for (int side = 0; side < PEOPLE_SIDES; side++)
        for (size_t i = 0; i < w->a->n_references[side] && st == ST_OK; i++)
            st = people_add_reference(&people[w->a->person], (enum people_side)side, w->finder,
                                      w->a->references[side][i], em);
    if (st == ST_OK && w->a->n_references[PEOPLE_MEANT] > 0)
        st = check_references(w, &people[w->a->person], em);
    return st;
}

/* ---- A picture ------------------------------------------------------------------------------- */

static enum status write_composite(struct work *w, int64_t i, const struct picture *composite,
                                   const struct into_report *report, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    const struct picture_mark mark = {.source = PICTURE_SOURCE_COMPOSITE,
                                      .checkpoint_hash = w->loaded->hash};
    enum status st = results_place(w->results, i, path, em);
    if (st == ST_OK && w->written == 0)
        st = results_make_folder(w->results, em);
    if (st != ST_OK)
        return st;
    generated_inputs_add(&w->generated, w->source->paths[i]);
    earlier_results_look(&w->earlier, path, false);
    st = picture_write_png(path, composite, &mark, em);
    if (st == ST_OK)
        st = composite_note_write(path, w->source->paths[i], w->loaded, report, em);
    w->written += st == ST_OK;
    return st;
}

static enum status leave_out(struct work *w, int64_t i, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = results_place(w->results, i, path, em);
    if (st == ST_OK)
        earlier_results_look(&w->earlier, path, true);
    return st;
}

static void count(struct work *w, int64_t i, const struct into_report *r)
{
    const char *path = w->source->paths[i];
    if (r->n_faces == 0)
        name_list_add(&w->no_face, path);
    else if (r->n_replaced == 0)
        name_list_add(&w->nobody, path);
    if (r->n_faces > 1)
        name_list_add(&w->several, path);
    if (r->n_unsure > 0)
        name_list_add(&w->unsure, path);
    w->n_unsure += r->n_unsure;
    w->n_others += r->n_others;
}

static enum status work_on(struct work *w, int64_t i, struct errmsg *em)
{
    struct picture in = {0}, out = {0};
    struct into_report report;
    struct errmsg why = {0};
    enum status st = source_read_whole(w->source, i, &in, &why);
    if ((st == ST_DATA || st == ST_NOINPUT) && w->source->folder && !w->a->strict) {
        log_warn("skipped: %s", why.text);
        return leave_out(w, i, em);
    }
    if (st != ST_OK)
        return FAIL(em, st, "%s", why.text);
    st = into_picture(w->into, &in, &out, &report, em);
    if (st == ST_OK)
        count(w, i, &report);
    if (st == ST_OK)
        st = report.n_replaced > 0 ? write_composite(w, i, &out, &report, em) : leave_out(w, i, em);
    picture_release(&out);
    picture_release(&in);
    return st;
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* "Anna", or "Anna or Bruno": whose faces are replaced. */
static const char *who_text(const struct work *w, char out[static WHO_BYTES])
{
    const char(*names)[64] = w->loaded->people;
    if (w->sought[MODEL_A] && w->sought[MODEL_B])
        snprintf(out, WHO_BYTES, "%s or %s", names[MODEL_A], names[MODEL_B]);
    else
        snprintf(out, WHO_BYTES, "%s", names[w->sought[MODEL_B] ? MODEL_B : MODEL_A]);
    return out;
}

static void log_outcome(struct work *w)
{
    char who[WHO_BYTES];
    if (w->no_face.n > 0)
        log_warn("no face, left out: %zu: %s", w->no_face.n, name_list_text(&w->no_face));
    if (w->nobody.n > 0)
        log_warn("no face of %s, left out: %zu: %s", who_text(w, who), w->nobody.n,
                 name_list_text(&w->nobody));
    if (w->unsure.n > 0)
        log_warn("%zu face%s left alone, perhaps of %s: %s. More pictures with --reference, and "
                 "of other people with --other, make it surer",
                 w->n_unsure, PLURAL(w->n_unsure), who_text(w, who), name_list_text(&w->unsure));
    if (w->several.n > 0)
        log_info("several faces in %zu picture%s: %s; %zu face%s of other people left alone",
                 w->several.n, PLURAL(w->several.n), name_list_text(&w->several), w->n_others,
                 PLURAL(w->n_others));
    generated_inputs_log(&w->generated);
    earlier_results_log(&w->earlier, "composite");
}

static enum status check_outcome(struct work *w, struct errmsg *em)
{
    char who[WHO_BYTES];
    int64_t left = w->source->n - w->written;
    if (w->written == 0)
        return FAIL(em, ST_DATA,
                    "no face of %s was found in %" PRId64 " picture%s of %s: nothing was written",
                    who_text(w, who), w->source->n, PLURAL(w->source->n), w->results->input);
    log_info("%" PRId64 " composite%s written to %s, each with a note beside it; %" PRId64
             " picture%s left out",
             w->written, PLURAL(w->written), w->results->out, left, PLURAL(left));
    return ST_OK;
}

static enum status work_on_all(struct work *w, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int64_t i = 0; i < w->source->n && st == ST_OK; i++) {
        st = work_on(w, i, em);
        log_progress("swapping %" PRId64 "/%" PRId64, i + 1, w->source->n);
    }
    log_progress("%s", "");
    log_outcome(w);
    return st == ST_OK ? check_outcome(w, em) : st;
}

static enum status work_on_video(struct work *w, struct errmsg *em)
{
    char who[WHO_BYTES];
    const struct swap_video o = {.input = w->results->input,
                                 .out = w->results->out,
                                 .from_s = w->a->from_s,
                                 .to_s = w->a->to_s,
                                 .no_sound = w->a->no_sound,
                                 .loaded = w->loaded,
                                 .into = w->into,
                                 .who = who_text(w, who)};
    return swap_video(&o, em);
}

enum status swap_into_check(const struct source *s, const struct results *r, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = ST_OK;
    if (s->video)
        return composite_note_check(r->out, em);
    if (s->set)
        return FAIL(em, ST_USAGE,
                    "%s is a set of faces that are cut out: --into puts a face back into a whole "
                    "picture. Name a photograph or a folder of them, or leave out --into",
                    r->input);
    if (s->folder && picture_folder_extracted(r->input))
        log_warn("%s holds faces that extract cut out: --into is for the whole photographs that "
                 "they come from; for cut faces, leave out --into",
                 r->input);
    for (int64_t i = 0; i < s->n && st == ST_OK; i++)
        if ((st = results_place(r, i, path, em)) == ST_OK)
            st = composite_note_check(path, em);
    return st;
}

static enum status check_people(const struct work *w, struct errmsg *em)
{
    const struct loaded *l = w->loaded;
    int who = w->a->person == INTO_BOTH ? MODEL_A : w->a->person;
    bool known =
        l->identities[who].known || (w->a->person == INTO_BOTH && l->identities[MODEL_B].known);
    if (w->a->n_references[PEOPLE_MEANT] == 0 && !known)
        return FAIL(em, ST_USAGE,
                    "the checkpoint does not know %s by face: show who is replaced with "
                    "--reference PHOTO, a picture of %s alone%s",
                    l->people[who], l->people[who],
                    w->a->person == INTO_BOTH ? " (for the other person: --direction b2a)" : "");
    for (int p = 0; p < MODEL_PEOPLE; p++)
        if (!l->consent[p][0])
            return FAIL(em, ST_DATA,
                        "the checkpoint has no consent statement of %s, and a composite needs "
                        "both people's: train again with sets that have them",
                        l->people[p]);
    return ST_OK;
}

/* As the training pictures were cut: as told, else by the distance of their pupils. */
static enum shape_coverage choose_coverage(const struct into_arguments *a, const struct loaded *l)
{
    double pupils = l->pupils[MODEL_A] > 0 ? l->pupils[MODEL_A] : l->pupils[MODEL_B];
    bool fits;
    enum shape_coverage nearest = shape_coverage_of(pupils, &fits);
    if (pupils <= 0)
        return a->coverage;
    if (!fits)
        log_warn("the pictures of the training were not cut as extract cuts them: the pupils are "
                 "%.2f of the side apart. Faces may not fit into their pictures",
                 pupils);
    else if (a->coverage_given && a->coverage != nearest)
        log_warn("--coverage %s: by the distance of the pupils, %.2f of the side, the pictures of "
                 "the training were cut with --coverage %s",
                 shape_coverage_names[a->coverage], pupils, shape_coverage_names[nearest]);
    return a->coverage_given ? a->coverage : nearest;
}

enum status swap_into(const struct into_arguments *a, const struct loaded *l, struct source *s,
                      const struct results *r, struct errmsg *em)
{
    struct work w = {.a = a, .loaded = l, .source = s, .results = r};
    struct into_options options = {.model = l->model,
                                   .coverage = choose_coverage(a, l),
                                   .blend = a->blend,
                                   .poses = loaded_takes_points(l) ? l->poses : NULL};
    enum status st = check_people(&w, em);
    if (st == ST_OK)
        st = finder_open(a->models, model_get_options(l->model)->device, &w.finder, em);
    options.finder = w.finder;
    if (st == ST_OK)
        st = find_people(&w, options.people, em);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        w.sought[who] = options.people[who].n[PEOPLE_MEANT] > 0;
    if (st == ST_OK)
        st = into_new(&options, &w.into, em);
    if (st == ST_OK)
        st = s->video ? work_on_video(&w, em) : work_on_all(&w, em);
    into_free(w.into);
    finder_free(w.finder);
    return st;
}
