#include "finish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/log.h"
#include "command.h"
#include "data/pack.h"
#include "data/sheet.h"
#include "sheets.h"
#include "stored.h"
#include "who.h"

#include "base/poison.h"

bool finish_makes_set(const char *out)
{
    return strcmp(path_extension(out), ".h5") == 0;
}

static enum status check_people(const struct finish_options *o, struct cuts_state *state,
                                struct errmsg *em)
{
    char unlike[CUT_NAME_BYTES];
    struct errmsg ignored = {0};
    if (state->counts[UNLIKE] > 0)
        return ST_OK; /* a run that failed later has checked them */
    enum status st = who_check(o->part, o->people, state->several, o->finder, unlike, em);
    if (st == ST_OK && unlike[0]) {
        log_warn("%s, left out: 1: %s", verdict_name(UNLIKE), unlike);
        return stored_drop(o->part, unlike, state, em);
    }
    if (st == ST_DATA && stored_remove(o->part, &ignored) != ST_OK)
        log_warn("%s: it shows several people; delete it", ignored.text);
    return st;
}

static enum status no_face(const struct finish_options *o, const struct cuts_state *state,
                           struct errmsg *em)
{
    enum status st = stored_remove(o->part, em);
    return st == ST_OK
               ? FAIL(em, ST_NOINPUT, "none of the %llu pictures shows a face that can be used",
                      (unsigned long long)state->frames)
               : st;
}

static enum status remove_file(const char *folder, const char *name, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, folder, name) || (unlink(path) != 0 && errno != ENOENT))
        return FAIL_ERRNO(em, ST_IO, errno, "cannot remove %s/%s", folder, name);
    return ST_OK;
}

/* What --resume reads goes last: if a step before fails, the folder is as the last frame left it.
 */
static enum status rename_to(const struct finish_options *o, const char *out, struct errmsg *em)
{
    enum status st = o->arguments->no_identity ? remove_file(o->part, "identity.csv", em) : ST_OK;
    if (st == ST_OK)
        st = remove_file(o->part, "progress", em);
    if (st == ST_OK && rename(o->part, out) != 0)
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot rename %s to %s", o->part, out);
    return st;
}

static enum status draw_sheets(const struct finish_options *o, struct errmsg *em)
{
    size_t shown, n;
    enum status st = sheets_write(o->part, o->arguments->cuts.person, &shown, &n, em);
    if (st == ST_OK && shown < n)
        log_info("the contact sheets show %zu of %zu faces, evenly spread", shown, n);
    return st;
}

/* ---- A set ----------------------------------------------------------------------------------- */

/* Packs the folder, as bifrons pack does, and removes it. */
static enum status pack(const struct finish_options *o, struct errmsg *em)
{
    struct pack_report report;
    char sheet[PATH_BYTES_MAX];
    const struct pack_options p = {.folders = &o->part,
                                   .n_folders = 1,
                                   .output = o->arguments->out,
                                   .size = o->arguments->cuts.size,
                                   .no_identity = o->arguments->no_identity,
                                   .threads = o->arguments->threads};
    struct errmsg no_sheet = {0}, kept = {0};
    enum status st = pack_folders(&p, &report, em);
    for (size_t i = 0; i < report.n_notes; i++)
        if (!report.notes[i].minor)
            log_warn("%s: %s", report.notes[i].path, report.notes[i].reason);
    pack_report_release(&report);
    if (st != ST_OK)
        return st;
    /* The set is there: nothing that fails now makes the run fail. */
    if (sheet_write_beside(o->arguments->out, sheet, &no_sheet) == ST_OK)
        log_info("sample sheet: %s", sheet);
    else
        log_warn("no sample sheet of %s: %s", o->arguments->out, no_sheet.text);
    if (stored_remove(o->part, &kept) != ST_OK)
        log_warn("%s; delete %s, because %s holds its faces", kept.text, o->part,
                 o->arguments->out);
    return ST_OK;
}

static enum status make_set(const struct finish_options *o, const struct cuts_state *state,
                            struct errmsg *em)
{
    char unsure[PATH_BYTES_MAX], quoted[2][COMMAND_QUOTED_BYTES];
    if (!path_join(unsure, sizeof unsure, o->part, "unsure") || !folder_exists(unsure))
        return pack(o, em);
    enum status st = draw_sheets(o, em);
    if (st == ST_OK)
        st = rename_to(o, o->unsure, em);
    return st == ST_OK
               ? FAIL(em, ST_DATA,
                      "%llu face%s may be another person's, so %s was not written: look at "
                      "%s/unsure, move up what is right, delete the rest, then bifrons pack %s -o "
                      "%s. Or delete %s and extract with --discard-unsure",
                      (unsigned long long)state->counts[UNSURE], PLURAL(state->counts[UNSURE]),
                      o->arguments->out, o->unsure, command_quote(o->unsure, quoted[0]),
                      command_quote(o->arguments->out, quoted[1]), o->unsure)
               : st;
}

/* ---- All ------------------------------------------------------------------------------------- */

enum status finish(const struct finish_options *o, struct cuts_state *state, struct errmsg *em)
{
    if (state->numbered == 0)
        return no_face(o, state, em);
    enum status st =
        o->arguments->n_references[PEOPLE_MEANT] > 0 ? ST_OK : check_people(o, state, em);
    if (st != ST_OK)
        return st;
    if (finish_makes_set(o->arguments->out))
        return make_set(o, state, em);
    st = draw_sheets(o, em);
    return st == ST_OK ? rename_to(o, o->arguments->out, em) : st;
}
