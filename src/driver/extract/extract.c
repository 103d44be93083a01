/*
 * bifrons extract: cuts the faces of one person out of photographs.
 *
 * It searches every picture before it writes anything: if more than one person is found and no
 * reference says who is wanted, nothing is stored.
 */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "command.h"
#include "cuts.h"
#include "data/picture_folder.h"
#include "engine.h"
#include "finder.h"
#include "frames.h"
#include "people.h"
#include "shape.h"

enum { INPUTS_MAX = 1024, SIZE_DEFAULT = 256, CUT_MIN = 16, CUT_MAX = 2048, SIDE_MIN = 64 };
enum {
    KEY_CONSENT = 1000,
    KEY_COVERAGE,
    KEY_REFERENCE,
    KEY_OTHER,
    KEY_MIN,
    KEY_MODELS,
    KEY_DEVICE
};
#define OUTSIDE_MAX 0.05 /* of the outline's points */

struct arguments {
    const char *words[INPUTS_MAX], *references[PEOPLE_SIDES][INPUTS_MAX];
    size_t n_words, n_references[PEOPLE_SIDES];
    const char *out, *person, *consent, *models, *device;
    enum shape_coverage coverage;
    int size, side_min;
};

/* Why a picture is left out, in the order of the report. */
enum verdict {
    KEPT,
    UNREADABLE,
    NO_FACE,
    TOO_SMALL,
    CUT_OFF,
    OTHER_PERSON,
    UNSURE,
    UNLIKE,
    VERDICTS
};
static const char *const reasons[VERDICTS] = {
    [UNREADABLE] = "unreadable",         [NO_FACE] = "no face",
    [TOO_SMALL] = "too small",           [CUT_OFF] = "cut off by the border",
    [OTHER_PERSON] = "other person",     [UNSURE] = "perhaps another person",
    [UNLIKE] = "unlike all other faces",
};

/* The result for a frame. */
struct seen {
    const char *path; /* borrowed */
    enum verdict verdict;
    struct face *face; /* of KEPT */
    double distance;   /* to the reference; NaN without one */
};

struct extract {
    struct arguments a;
    struct finder *finder;
    struct frames *frames;
    struct people people;
    struct seen *seen; /* of each frame */
    size_t n_seen, seen_room;
    struct name_list several, left[VERDICTS];
    size_t n_left;
    double shown_s; /* when progress was last shown */
};

/* ---- The references -------------------------------------------------------------------------- */

static enum status read_reference(struct extract *e, enum people_side side, const char *path,
                                  struct errmsg *em)
{
    struct picture picture = {0};
    struct face *faces = calloc(FINDER_FACES_MAX, sizeof *faces);
    size_t n = 0;
    enum status st =
        faces ? picture_read(path, &picture, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = finder_find(e->finder, &picture, faces, &n, em);
    if (st == ST_OK && n != 1)
        st =
            FAIL(em, ST_DATA,
                 "--%s %s shows %zu faces: a reference shows one; cut it to the one that is meant, "
                 "or name another picture",
                 side == PEOPLE_MEANT ? "reference" : "other", path, n);
    if (st == ST_OK)
        people_add(&e->people, side, &faces[0]);
    picture_release(&picture);
    free(faces);
    return st;
}

static enum status read_references(struct extract *e, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int side = 0; side < PEOPLE_SIDES; side++)
        for (size_t i = 0; i < e->a.n_references[side] && st == ST_OK; i++)
            st = read_reference(e, (enum people_side)side, e->a.references[side][i], em);
    return st;
}

/* ---- Searching ------------------------------------------------------------------------------- */

static enum verdict verdict_of(const struct extract *e, const struct picture *p,
                               const struct face *face)
{
    if (shape_side(face) < e->a.side_min)
        return TOO_SMALL;
    return shape_outside(face, p) > OUTSIDE_MAX ? CUT_OFF : KEPT;
}

/* Chooses the wanted person's face of the picture. */
static enum status choose(struct extract *e, struct seen *s, const struct picture *p,
                          const struct face *faces, size_t n, struct errmsg *em)
{
    size_t best = 0;
    enum person person = PERSON_MEANT; /* of the best face */
    bool referred = e->people.n[PEOPLE_MEANT] > 0;
    s->verdict = NO_FACE;
    if (n == 0)
        return ST_OK;
    if (n > 1 && !referred)
        name_list_add(&e->several, s->path);
    for (size_t k = 0; k < n && referred; k++) {
        double distance;
        enum person judged = people_judge(&e->people, &faces[k], &distance);
        if (k > 0 && !(distance < s->distance))
            continue;
        best = k;
        person = judged;
        s->distance = distance;
    }
    s->verdict = verdict_of(e, p, &faces[best]);
    if (person != PERSON_MEANT)
        s->verdict = person == PERSON_OTHER ? OTHER_PERSON : UNSURE;
    if (s->verdict != KEPT)
        return ST_OK;
    s->face = malloc(sizeof *s->face);
    if (!s->face)
        return FAIL(em, ST_MEMORY, "out of memory after %zu pictures", e->n_seen);
    *s->face = faces[best];
    return ST_OK;
}

static void show_progress(struct extract *e, double begun_s)
{
    double now = clock_seconds(), share = frames_share(e->frames);
    char left[32];
    if (now - e->shown_s < 1 || e->n_seen == 0)
        return;
    e->shown_s = now;
    clock_format_duration((now - begun_s) * (1 - share) / share, left, sizeof left);
    log_progress("%zu pictures, %.1f a second, %s left", e->n_seen,
                 (double)e->n_seen / (now - begun_s), left);
}

static enum status add_seen(struct extract *e, const char *path, struct errmsg *em)
{
    if (e->n_seen == e->seen_room) {
        size_t room = e->seen_room ? 2 * e->seen_room : 64;
        struct seen *more = realloc(e->seen, room * sizeof *more);
        if (!more)
            return FAIL(em, ST_MEMORY, "out of memory after %zu pictures", e->n_seen);
        e->seen = more;
        e->seen_room = room;
    }
    e->seen[e->n_seen++] = (struct seen){.path = path, .verdict = UNREADABLE, .distance = NAN};
    return ST_OK;
}

/* Looks at the next frame. */
static enum status look_at(struct extract *e, struct face *faces, bool *more, struct errmsg *em)
{
    struct frame frame;
    struct errmsg why = {0};
    size_t n = 0;
    enum status st = frames_next(e->frames, &frame, more, &why);
    if (st == ST_OK && *more)
        st = frame_load(&frame, &why);
    bool unreadable = st == ST_DATA || st == ST_NOINPUT || st == ST_IO;
    if (unreadable)
        log_warn("%s; left out", why.text);
    else if (st != ST_OK)
        return FAIL(em, st, "%s", why.text);
    if (!*more)
        return ST_OK;
    st = add_seen(e, frame.path, em);
    if (st == ST_OK && !unreadable)
        st = finder_find(e->finder, &frame.picture, faces, &n, em);
    if (st == ST_OK && !unreadable)
        st = choose(e, &e->seen[e->n_seen - 1], &frame.picture, faces, n, em);
    frame_release(&frame);
    return st;
}

static enum status look(struct extract *e, struct errmsg *em)
{
    struct face *faces = calloc(FINDER_FACES_MAX, sizeof *faces);
    enum status st = faces ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    double begun = clock_seconds();
    for (bool more = true; more && st == ST_OK;) {
        show_progress(e, begun);
        st = look_at(e, faces, &more, em);
    }
    log_progress("%s", "");
    free(faces);
    return st;
}

/* ---- The check for one person ---------------------------------------------------------------- */

static enum status refuse_two(const struct extract *e, const size_t *of, const bool *second,
                              size_t n, struct errmsg *em)
{
    size_t examples[2] = {0};
    for (size_t i = n; i-- > 0;)
        examples[second[i]] = of[i];
    return FAIL(em, ST_DATA,
                "two people seem to show, one in %s and one in %s: nothing was stored. Say who is "
                "meant with --reference PHOTO, and who is not with --other PHOTO",
                e->seen[examples[0]].path, e->seen[examples[1]].path);
}

/* Without a reference all faces must be of one person. A single face that is unlike the others is
 * left out. */
static enum status check_one_person(struct extract *e, struct errmsg *em)
{
    if (e->several.n > 0)
        return FAIL(
            em, ST_DATA,
            "more than one face shows in %zu of %zu pictures: nothing was stored. Say who is "
            "meant with --reference PHOTO, and who is not with --other PHOTO. They are: %s",
            e->several.n, e->n_seen, name_list_text(&e->several));
    size_t n = 0, *of = calloc(e->n_seen, sizeof *of);
    bool *second = calloc(e->n_seen, sizeof *second);
    float(*identities)[FACE_IDENTITY] = calloc(e->n_seen, sizeof *identities);
    enum status st = of && second && identities ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < e->n_seen && st == ST_OK; i++)
        if (e->seen[i].face) {
            memcpy(identities[n], e->seen[i].face->identity, sizeof *identities);
            of[n++] = i;
        }
    if (st == ST_OK && people_split((const float(*)[FACE_IDENTITY])identities, n, second))
        st = refuse_two(e, of, second, n, em);
    for (size_t i = 0; i < n && st == ST_OK; i++)
        if (second[i])
            e->seen[of[i]].verdict = UNLIKE;
    free(identities);
    free(second);
    free(of);
    return st;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static enum status write_one(struct extract *e, struct cuts *c, size_t i, struct errmsg *em)
{
    const struct seen *s = &e->seen[i];
    const char *path = s->path;
    struct picture picture = {0};
    if (s->verdict != KEPT) {
        name_list_add(&e->left[s->verdict], path);
        e->n_left++;
        return cuts_left_out(c, path, reasons[s->verdict], em);
    }
    enum status st = picture_read(path, &picture, em);
    if (st == ST_OK)
        st = cuts_add(c, path, &picture, s->face, s->distance, em);
    picture_release(&picture);
    return st;
}

static enum status write_all(struct extract *e, struct cuts *c, struct errmsg *em)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->n_seen; i++)
        kept += e->seen[i].verdict == KEPT;
    for (size_t i = 0; i < e->n_seen && kept == 0; i++)
        name_list_add(&e->left[e->seen[i].verdict], e->seen[i].path);
    if (kept == 0)
        return FAIL(em, ST_NOINPUT, "none of the %zu pictures shows a face that can be used",
                    e->n_seen);
    enum status st = cuts_begin(c, e->a.person, e->a.consent, em);
    for (size_t i = 0; i < e->n_seen && st == ST_OK; i++)
        st = write_one(e, c, i, em);
    return cuts_end(c, st, em);
}

static enum status extract(struct extract *e, struct cuts *c, struct errmsg *em)
{
    enum status st = cuts_check(e->a.out, em);
    if (st == ST_OK)
        st = finder_open(e->a.models, e->a.device, &e->finder, em);
    if (st == ST_OK)
        st = frames_open(e->a.words, e->a.n_words, &e->frames, em);
    if (st == ST_OK)
        st = read_references(e, em);
    if (st == ST_OK)
        st = look(e, em);
    if (st == ST_OK && e->people.n[PEOPLE_MEANT] == 0)
        st = check_one_person(e, em);
    return st == ST_OK ? write_all(e, c, em) : st;
}

static void extract_release(struct extract *e)
{
    for (size_t i = 0; i < e->n_seen; i++)
        free(e->seen[i].face);
    free(e->seen);
    frames_free(e->frames);
    finder_free(e->finder);
}

/* ---- The command ----------------------------------------------------------------------------- */

/* clang-format off */
static const struct argp_option options[] = {
    {"output", 'o', "OUT", 0, "the folder to write, which pack takes; a new one", 1},
    {"person", 'p', "NAME", 0, "who is meant", 1},
    {"consent", 'c', "TEXT", 0,
     "who agreed to what: this study, these uses, composites with other people; without it nothing "
     "is stored", 1},
    {"reference", KEY_REFERENCE, "PHOTO", 0,
     "a picture of only the wanted person; may be given again", 2},
    {"other", KEY_OTHER, "PHOTO", 0, "a picture of only another person; may be given again", 2},
    {"size", 's', "N", 0, "pixels a side of the cut pictures (256)", 3},
    {"coverage", KEY_COVERAGE, "face|head", 0,
     "what is cut: brows to chin, or with the hair (head)", 3},
    {"min-size", KEY_MIN, "N", 0, "leave out faces of fewer pixels, brows to chin (64)", 3},
    {"models", KEY_MODELS, "DIR", 0,
     "where faces.pt and identity.pt are (where scripts/setup --photographs puts them)", 4},
    {"device", KEY_DEVICE, "NAME", 0, "cpu, cuda or cuda:N (cpu)", 4},
    {0},
};
/* clang-format on */

static void add_word(struct argp_state *state, const char **list, size_t *n, const char *word)
{
    if (*n == INPUTS_MAX)
        argp_error(state, "more than %d of a kind; name a folder", INPUTS_MAX);
    else
        list[(*n)++] = word;
}

static void check_arguments(struct argp_state *state, const struct arguments *a)
{
    if (a->n_words == 0)
        argp_error(state, "which pictures? Name files or folders");
    if (!a->out || !a->out[0])
        argp_error(state, "where to? Name a new folder with -o OUT");
    if (!a->person || !a->person[0])
        argp_error(state, "who is meant? --person NAME");
    if (a->n_references[PEOPLE_OTHERS] > 0 && a->n_references[PEOPLE_MEANT] == 0)
        argp_error(state, "--other PHOTO takes a --reference PHOTO of who is meant");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'o':
        a->out = text;
        return 0;
    case 'p':
        a->person = text;
        return 0;
    case 'c':
        a->consent = text;
        return 0;
    case 's':
        a->size = (int)command_number(state, "size", text, CUT_MIN, CUT_MAX);
        return 0;
    case KEY_MIN:
        a->side_min = (int)command_number(state, "min-size", text, 1, PICTURE_SIDE_MAX);
        return 0;
    case KEY_COVERAGE:
        if (strcmp(text, "face") != 0 && strcmp(text, "head") != 0)
            argp_error(state, "--coverage is face or head, not \"%s\"", text);
        a->coverage = strcmp(text, "face") == 0 ? SHAPE_FACE : SHAPE_HEAD;
        return 0;
    case KEY_REFERENCE:
    case KEY_OTHER: {
        enum people_side side = key == KEY_REFERENCE ? PEOPLE_MEANT : PEOPLE_OTHERS;
        add_word(state, a->references[side], &a->n_references[side], text);
        return 0;
    }
    case KEY_MODELS:
        a->models = text;
        return 0;
    case KEY_DEVICE:
        a->device = text;
        return 0;
    case ARGP_KEY_ARG:
        add_word(state, a->words, &a->n_words, text);
        return 0;
    case ARGP_KEY_END:
        check_arguments(state, a);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "PICTURE|FOLDER... -o OUT --person NAME --consent TEXT",
    .doc = "Finds a person's face in photographs and cuts it out: a folder of squares with masks "
           "and points, to look through and cull, which bifrons pack takes as it is.\vFolders are "
           "read with their sub-folders. Left out, counted and named: pictures that cannot be "
           "read, without a face, with one that is too small or cut off by the border, and other "
           "people's. Where more than one person shows, nothing is stored unless --reference says "
           "who is meant. The networks come with scripts/setup --photographs.\n\nExample:\n  $ "
           "bifrons extract holiday -o ada --person Ada --consent \"Ada agreed in writing on "
           "2026-01-31, for this study and for composites\"\n\nExit status: 0; 64 usage, no "
           "consent statement, or a folder that holds something; 65 more than one person, or a "
           "reference that does not show one; 66 no such picture or folder, or no face in any; 69 "
           "the networks are missing; 74 the folder cannot be written.",
};

static void log_outcome(struct extract *e, const struct cuts *c, double seconds)
{
    char took[32];
    clock_format_duration(seconds, took, sizeof took);
    for (int v = KEPT + 1; v < VERDICTS; v++)
        if (e->left[v].n > 0)
            log_warn("%s, left out: %zu: %s", reasons[v], e->left[v].n,
                     name_list_text(&e->left[v]));
    if (c->n == 0)
        return;
    log_info("%s: %zu faces of %s of %zu pictures, %zu left out, in %s", e->a.out, c->n,
             e->a.person, e->n_seen, e->n_left, took);
    log_info("next: look through %s, delete what should not be in it, then bifrons pack %s -o "
             "FILE.h5",
             e->a.out, e->a.out);
}

int engine_extract(int argc, char **argv)
{
    struct extract *e = calloc(1, sizeof *e);
    struct errmsg em = {0};
    if (!e) {
        (void)FAIL(&em, ST_MEMORY, "out of memory");
        return command_fail(&em);
    }
    e->a = (struct arguments){.size = SIZE_DEFAULT,
                              .side_min = SIDE_MIN,
                              .coverage = SHAPE_HEAD,
                              .device = "cpu"};
    argp_parse(&parser, argc, argv, 0, NULL, &e->a);
    double begun = clock_seconds();
    struct cuts c = {.folder = e->a.out, .size = e->a.size, .coverage = e->a.coverage};
    enum status st = ST_OK;
    if (!e->a.consent || !e->a.consent[0])
        st = FAIL(
            &em, ST_USAGE,
            "there is no consent statement: who agreed to what? It covers this study, what the "
            "pictures are used for, and pictures put together with other people's:\n"
            "  --consent \"%s agreed on DATE to PURPOSE\"",
            e->a.person);
    if (st == ST_OK)
        st = extract(e, &c, &em);
    if (st == ST_OK || c.n == 0)
        log_outcome(e, &c, clock_seconds() - begun);
    extract_release(e);
    free(e);
    return st == ST_OK ? 0 : command_fail(&em);
}
