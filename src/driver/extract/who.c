#include "who.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "data/picture_folder.h"
#include "people.h"
#include "sheets.h"
#include "stored.h"

#include "base/poison.h"

enum { SHOWN_MAX = SHEET_ROWS_MAX, TRIES_MAX = 8 };

struct who {
    const char *folder, *people;
    struct stored_identities faces;
    size_t *group, n; /* of each face; n groups */
    struct finder *finder;
    struct name_list references; /* that were written */
};

static bool join(char out[static PATH_BYTES_MAX], const char *folder, const char *name)
{
    return path_join(out, PATH_BYTES_MAX, folder, name);
}

/* ---- Showing --------------------------------------------------------------------------------- */

/* Does this cut picture do as a reference: does it show one face? */
static enum status does(struct who *w, const char *path, struct picture *picture, bool *does_out,
                        struct errmsg *em)
{
    size_t n = 0;
    struct face *faces = calloc(FINDER_FACES_MAX, sizeof *faces);
    enum status st = faces ? picture_read(path, picture, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = finder_find(w->finder, picture, faces, &n, em);
    *does_out = n == 1;
    free(faces);
    return st;
}

/* Writes PEOPLE/person-N.png: of the group's first faces, one that does as a reference. */
static enum status write_reference(struct who *w, size_t g, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], name[32];
    enum status st = ST_OK;
    snprintf(name, sizeof name, "person-%zu.png", g + 1);
    bool found = false;
    int tries = 0;
    for (size_t i = 0; i < w->faces.n && !found && tries < TRIES_MAX && st == ST_OK; i++) {
        struct picture picture = {0};
        if (w->group[i] != g || !join(path, w->folder, w->faces.names[i]))
            continue;
        tries++;
        st = does(w, path, &picture, &found, em);
        if (st == ST_OK && found && join(path, w->people, name)) {
            st = picture_write_png(path, &picture, NULL, em);
            name_list_add(&w->references, path);
        }
        picture_release(&picture);
    }
    return st;
}

/* A row for each person: the reference's name, how many faces, and the first of them. */
static enum status draw(const struct who *w, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    size_t rows = MIN(w->n, (size_t)SHOWN_MAX);
    struct sheet_cell *cells = calloc(rows * SHEET_COLUMNS, sizeof *cells);
    if (!cells)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (size_t g = 0; g < rows; g++) {
        size_t shown = 0, of = 0;
        struct sheet_cell *row = cells + g * SHEET_COLUMNS;
        for (size_t i = 0; i < w->faces.n; i++) {
            if (w->group[i] != g)
                continue;
            of++;
            if (shown < SHEET_COLUMNS && join(row[shown].path, w->folder, w->faces.names[i]))
                shown++;
        }
        snprintf(row[0].name, sizeof row[0].name, "person-%zu.png", g + 1);
        if (!join(path, w->people, row[0].name) || !file_exists(path)) /* no reference */
            snprintf(row[0].name, sizeof row[0].name, "person %zu", g + 1);
        snprintf(row[0].verdict, sizeof row[0].verdict, "%zu face%s", of, PLURAL(of));
    }
    enum status st = join(path, w->people, "sheet.png")
                         ? contact_sheet_draw("Who is meant? Give --reference FOLDER/person-N.png",
                                              cells, rows * SHEET_COLUMNS, path, em)
                         : FAIL(em, ST_IO, "path too long: %s", w->people);
    free(cells);
    return st;
}

static enum status show(struct who *w, uint64_t several, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], why[160];
    if (folder_exists(w->people)) {
        if (!join(path, w->people, "sheet.png") || !file_exists(path))
            return FAIL(em, ST_USAGE, "%s is there and not of bifrons extract: move it away",
                        w->people);
        enum status st = stored_remove(w->people, em);
        if (st != ST_OK)
            return st;
    }
    enum status st = folder_make(w->people, em);
    for (size_t g = 0; g < w->n && st == ST_OK; g++)
        st = write_reference(w, g, em);
    if (st == ST_OK)
        st = draw(w, em);
    if (st != ST_OK)
        return st;
    if (several > 0)
        snprintf(why, sizeof why, "more than one face shows in %llu picture%s",
                 (unsigned long long)several, PLURAL(several));
    else
        snprintf(why, sizeof why, "%s people seem to show", w->n == 2 ? "two" : "several");
    return FAIL(em, ST_DATA,
                "%s: no face was stored. Look at %s/sheet.png, and say with --reference who is "
                "meant, and with --other who is not (%s%s). Where rows of the sheet show the same "
                "person, give --reference for each of them. Then delete %s",
                why, w->people,
                w->references.n > 0 ? "any picture of one person alone does, such as "
                                    : "with pictures of one person alone, larger than these faces",
                w->references.n > 0 ? name_list_text(&w->references) : "", w->people);
}

/* ---- Checking -------------------------------------------------------------------------------- */

static void name_unlike(const struct who *w, const bool *second,
                        char unlike_out[static CUT_NAME_BYTES])
{
    for (size_t i = 0; i < w->faces.n; i++)
        if (second[i]) /* at most one */
            snprintf(unlike_out, CUT_NAME_BYTES, "%s", w->faces.names[i]);
}

/* Puts the faces into groups: people, or each face alone if they all look like one person although
 * several show at once. */
static enum status find_groups(struct who *w, struct errmsg *em)
{
    w->n = people_groups((const float(*)[FACE_IDENTITY])w->faces.numbers, w->faces.n, w->group);
    if (w->n == 0)
        return FAIL(em, ST_MEMORY, "out of memory");
    if (w->n > 1)
        return ST_OK;
    w->n = MIN(w->faces.n, (size_t)SHOWN_MAX);
    for (size_t i = 0; i < w->faces.n; i++)
        w->group[i] = MIN(i, w->n - 1);
    return ST_OK;
}

enum status who_check(const char *folder, const char *people, uint64_t several,
                      struct finder *finder, char unlike_out[static CUT_NAME_BYTES],
                      struct errmsg *em)
{
    struct who w = {.folder = folder, .people = people, .finder = finder};
    bool *second = NULL;
    unlike_out[0] = '\0';
    enum status st = stored_identities_read(folder, &w.faces, em);
    if (st == ST_OK) {
        size_t n = w.faces.n + 1;
        w.group = calloc(n, sizeof *w.group);
        second = calloc(n, sizeof *second);
        st = w.group && second ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    }
    if (st == ST_OK) {
        bool two = people_split((const float(*)[FACE_IDENTITY])w.faces.numbers, w.faces.n, second);
        if (!two && several == 0) {
            name_unlike(&w, second, unlike_out);
        } else {
            st = find_groups(&w, em);
            if (st == ST_OK)
                st = show(&w, several, em);
        }
    }
    free(second);
    free(w.group);
    stored_identities_release(&w.faces);
    return st;
}
