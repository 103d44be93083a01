/*
 * bifrons extract: cuts the faces of one person out of photographs and videos.
 *
 * It writes into OUT.part, and gives it the name OUT at the end. If more than one person is found
 * and no reference says who is meant, no face is stored.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "command.h"
#include "data/pack.h"
#include "data/picture_folder.h"
#include "engine.h"
#include "finish.h"
#include "stored.h"
#include "watch.h"

struct extract {
    struct extract_arguments a;
    char part[PATH_BYTES_MAX], people_out[PATH_BYTES_MAX], unsure[PATH_BYTES_MAX];
    struct finder *finder;
    struct frames *frames;
    struct people people;
    struct cuts_state state; /* when all frames are done */
    struct name_list left[VERDICTS], profiles;
};

/* ---- The output ------------------------------------------------------------------------------ */

/* out: OUT without a slash at its end, and with `ending`. */
static bool beside(const char *path, const char *ending, char out[static PATH_BYTES_MAX])
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    int length = snprintf(out, PATH_BYTES_MAX, "%.*s%s", (int)n, path, ending);
    return length > 0 && length < PATH_BYTES_MAX;
}

/* Makes nothing. */
static enum status check_output(struct extract *e, struct errmsg *em)
{
    const char *out = e->a.out;
    bool set = finish_makes_set(out);
    if (!beside(out, ".part", e->part) || !beside(out, ".people", e->people_out) ||
        !beside(out, ".unsure", e->unsure))
        return FAIL(em, ST_USAGE, "-o %s: that path is too long", out);
    if (set && file_exists(out) && cuts_unfinished(e->part))
        return FAIL(em, ST_USAGE,
                    "%s was written, and then the extract was stopped: nothing is left to do but "
                    "to delete %s",
                    out, e->part);
    if (file_exists(out))
        return FAIL(em, ST_USAGE, "-o %s: a file is there; name %s", out,
                    set ? "a new one" : "a folder");
    if (folder_has_entries(out))
        return FAIL(em, ST_USAGE, "-o %s: that folder holds something already; name a new one",
                    out);
    if (set && (file_exists(e->unsure) || folder_has_entries(e->unsure)))
        return FAIL(em, ST_USAGE,
                    "%s is there already, where unsure faces of %s would go: look through "
                    "them, and pack or delete that folder",
                    e->unsure, out);
    if (!folder_has_entries(e->part))
        return ST_OK;
    if (!cuts_unfinished(e->part))
        return FAIL(em, ST_USAGE, "%s is there and is not of a stopped extract: move it away",
                    e->part);
    return e->a.resume ? ST_OK
                       : FAIL(em, ST_USAGE,
                              "%s is of an extract that was stopped: go on with --resume, or "
                              "delete it to begin anew",
                              e->part);
}

/* ---- The references -------------------------------------------------------------------------- */

static enum status read_references(struct extract *e, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int side = 0; side < PEOPLE_SIDES; side++)
        for (size_t i = 0; i < e->a.n_references[side] && st == ST_OK; i++)
            st = people_add_reference(&e->people, (enum people_side)side, e->finder,
                                      e->a.references[side][i], em);
    return st;
}

/* ---- The run --------------------------------------------------------------------------------- */

/* The hash of everything that the result depends on. With another hash, --resume would mix two
 * results. */
static uint64_t hash_all(const struct extract *e)
{
    const struct extract_arguments *a = &e->a;
    const double numbers[] = {a->rules.size,          a->rules.side_min,
                              a->rules.coverage,      a->rules.sharpness_min,
                              a->cuts.difference_min, a->cuts.discard_unsure,
                              a->no_identity};
    uint64_t hash = hash64(numbers, sizeof numbers, frames_hash(e->frames));
    hash = hash64(&e->people, sizeof e->people, hash);
    hash = hash64(a->cuts.person, strlen(a->cuts.person), hash);
    return hash64(a->cuts.consent, strlen(a->cuts.consent), hash);
}

static enum status look_at_all(struct extract *e, struct errmsg *em)
{
    struct cuts cuts;
    const struct watch_options w = {.arguments = &e->a,
                                    .frames = e->frames,
                                    .stop = command_stop_wanted,
                                    .left = e->left,
                                    .profiles = &e->profiles};
    e->a.rules.people = &e->people;
    e->a.cuts.folder = e->part;
    e->a.cuts.hash = hash_all(e);
    enum status st = stored_drop_again(e->part, em);
    if (st == ST_OK)
        st = cuts_open(&cuts, &e->a.cuts, em);
    if (st != ST_OK)
        return st;
    if (cuts.state.frames > 0)
        log_info("%s: going on after %llu pictures", e->part,
                 (unsigned long long)cuts.state.frames);
    st = watch(&w, &cuts, em);
    e->state = cuts.state;
    cuts_close(&cuts);
    return st;
}

static enum status extract(struct extract *e, struct errmsg *em)
{
    enum status st = check_output(e, em);
    if (st == ST_OK)
        st = finder_open(e->a.models, e->a.device, &e->finder, em);
    if (st == ST_OK)
        st = frames_open(e->a.words, e->a.n_words, &e->a.video, &e->frames, em);
    if (st == ST_OK)
        st = read_references(e, em);
    if (st == ST_OK)
        st = look_at_all(e, em);
    const struct finish_options f = {.arguments = &e->a,
                                     .part = e->part,
                                     .people = e->people_out,
                                     .unsure = e->unsure,
                                     .finder = e->finder};
    return st == ST_OK ? finish(&f, &e->state, em) : st;
}

/* ---- The command ----------------------------------------------------------------------------- */

static void log_left(struct extract *e)
{
    for (int v = KEPT + 1; v < VERDICTS; v++)
        if (e->left[v].n > 0)
            log_warn("%s, %s: %llu: %s", verdict_name((enum verdict)v),
                     v == UNSURE && !e->a.cuts.discard_unsure ? "put aside" : "left out",
                     (unsigned long long)e->state.counts[v], name_list_text(&e->left[v]));
    name_list_warn_profiles(&e->profiles);
}

static void log_outcome(const struct extract *e, double seconds)
{
    char took[32], quoted[COMMAND_QUOTED_BYTES];
    const struct cuts_state *s = &e->state;
    unsigned long long kept = s->counts[KEPT], frames = s->frames, unsure = s->counts[UNSURE];
    const char *out = e->a.out;
    clock_format_duration(seconds, took, sizeof took);
    log_info("%s: %llu faces of %s of %llu pictures, %llu left out, in %s", out, kept,
             e->a.cuts.person, frames, frames - kept - (e->a.cuts.discard_unsure ? 0 : unsure),
             took);
    if (finish_makes_set(out)) {
        command_log_training("extract", "configs/recipe.toml", out);
        return;
    }
    if (unsure > 0 && !e->a.cuts.discard_unsure)
        log_warn(
            "%llu face%s may be another person's: look at %s/unsure, move into %s what is right, "
            "and delete the rest",
            unsure, PLURAL(unsure), out, out);
    log_info("next: look at %s/sheet.png, delete from %s what should not be in it, then bifrons "
             "pack %s -o FILE.h5",
             out, out, command_quote(out, quoted));
}

static enum status run(struct extract *e, struct errmsg *em)
{
    double begun = clock_seconds();
    if (!e->a.cuts.consent || !consent_has_words(e->a.cuts.consent))
        return FAIL(em, ST_USAGE,
                    "there is no consent statement: who agreed to what? It covers this study, what "
                    "the pictures are used for, and pictures put together with other people's:\n"
                    "  --consent \"%s agreed on DATE to PURPOSE\"",
                    e->a.cuts.person);
    enum status st = extract(e, em);
    log_left(e);
    if (st == ST_OK)
        log_outcome(e, clock_seconds() - begun);
    else if (e->state.frames > 0 && cuts_unfinished(e->part))
        log_info("what is done is in %s: the same command with --resume goes on", e->part);
    return st;
}

int engine_extract(int argc, char **argv)
{
    struct extract *e = calloc(1, sizeof *e);
    struct errmsg em = {0};
    if (!e) {
        (void)FAIL(&em, ST_MEMORY, "out of memory");
        return command_fail(&em);
    }
    extract_parse(argc, argv, &e->a);
    command_stop_on_signals();
    enum status st = run(e, &em);
    frames_free(e->frames);
    finder_free(e->finder);
    free(e);
    return st == ST_OK ? 0 : command_fail(&em);
}
