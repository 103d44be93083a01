#include "composite_note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/log.h"

#include "base/poison.h"

static const char first_line[] = PICTURE_NOTE_BEGINS;

static enum status note_path(const char *composite, char out[static PATH_BYTES_MAX],
                             struct errmsg *em)
{
    size_t stem = strlen(composite) - strlen(path_extension(composite));
    int n = snprintf(out, PATH_BYTES_MAX, "%.*s.txt", (int)stem, composite);
    return n < PATH_BYTES_MAX ? ST_OK : FAIL(em, ST_IO, "path too long: %s", composite);
}

/* *is_note: the file begins as a note does. *empty: it has no bytes. */
static enum status look(const char *path, bool *is_note, bool *empty, struct errmsg *em)
{
    char start[sizeof first_line] = "";
    FILE *f = NULL;
    enum status st = file_open_stream(path, &f, em);
    if (st != ST_OK)
        return st;
    *empty = fread(start, 1, sizeof first_line - 1, f) == 0;
    *is_note = strcmp(start, first_line) == 0;
    fclose(f);
    return ST_OK;
}

enum status composite_note_check(const char *composite, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    bool is_note, empty;
    enum status st = note_path(composite, path, em);
    if (st == ST_OK)
        st = file_check_replaceable(path, em);
    if (st != ST_OK || !file_exists(path))
        return st;
    st = look(path, &is_note, &empty, em);
    if (st != ST_OK || is_note || empty)
        return st;
    return FAIL(em, ST_USAGE,
                "%s is there already and is no note of a composite: it is not replaced, and every "
                "composite has such a note beside it. Name another place with -o, or remove it",
                path);
}

enum status composite_note_write(const char *composite, const char *source, const struct loaded *l,
                                 const struct into_report *report, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], *text = NULL;
    size_t n = 0;
    enum status st = note_path(composite, path, em);
    FILE *f = st == ST_OK ? open_memstream(&text, &n) : NULL;
    if (st != ST_OK)
        return st;
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory");
    fprintf(f, "%spicture: %s\nmade from: %s\n", first_line, path_name(composite), source);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        if (report->replaced[who])
            fprintf(f, "replaced: the face of %s, by one of %s\n", l->people[who],
                    l->people[MODEL_PEOPLE - 1 - who]);
    fprintf(f, "checkpoint (XXH3-128): %s\n", l->hash);
    fprintf(f, "digital source type: compositeWithTrainedAlgorithmicMedia\n");
    for (int who = 0; who < MODEL_PEOPLE; who++)
        fprintf(f, "\nconsent of %s:\n%s\n", l->people[who], l->consent[who]);
    bool failed = ferror(f) != 0;
    failed = fclose(f) != 0 || failed;
    st = failed ? FAIL(em, ST_MEMORY, "out of memory") : file_write_atomic(path, text, n, em);
    free(text);
    return st;
}

/* ---- What a user should know ----------------------------------------------------------------- */

static bool has_note(const char *path)
{
    char note[PATH_BYTES_MAX];
    bool is_note = false, empty;
    return note_path(path, note, NULL) == ST_OK && file_exists(note) &&
           look(note, &is_note, &empty, NULL) == ST_OK && is_note;
}

void composite_places_look(struct composite_places *p, const char *input, const char *composite)
{
    char hash[PICTURE_HASH_BYTES];
    if (picture_read_mark(input, hash) || has_note(input))
        name_list_add(&p->generated, input);
    if (file_exists(composite))
        name_list_add(&p->replaced, composite);
}

void composite_places_log(struct composite_places *p)
{
    if (p->generated.n > 0)
        log_warn("%zu input%s already a composite, or drawn by an algorithm: %s; swap the "
                 "original%s instead",
                 p->generated.n, p->generated.n == 1 ? " is" : "s are",
                 name_list_text(&p->generated), PLURAL(p->generated.n));
    if (p->replaced.n > 0)
        log_info("%zu earlier composite%s replaced: %s", p->replaced.n,
                 p->replaced.n == 1 ? " is" : "s are", name_list_text(&p->replaced));
}
