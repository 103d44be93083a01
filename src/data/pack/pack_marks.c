/* landmarks.csv and points.csv: assigns rows to pictures, and maps their points to the stored
 * picture. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "pack_priv.h"

#include "base/poison.h"

/* --- rows and pictures ------------------------------------------------------------------------ */

/* If all numbers are between 0 and 1, they are shares of width and height, not pixels. */
static bool are_shares(const struct pack_table *t)
{
    bool between = false;
    for (size_t i = 0; i < t->n; i++)
        for (int k = 0; k < 2 * t->kind->points; k++) {
            float x = t->rows[i].numbers[k];
            if (x < 0 || x > 1)
                return false;
            between = between || (x > 0 && x < 1);
        }
    return between;
}

static bool is_one_point(const struct pack_table *t, const struct pack_row *r)
{
    for (int k = 2; k < 2 * t->kind->points; k++)
        if (r->numbers[k] != r->numbers[k - 2])
            return false;
    return true;
}

static void add_row(struct name_list *l, const struct pack_row *r)
{
    char text[SET_NAME_BYTES_MAX + 32];
    snprintf(text, sizeof text, "%s (line %zu)", r->name, r->line);
    name_list_add(l, text);
}

static enum status note(const struct pack_source *s, const struct pack_table *t,
                        const struct pack_claim *claims, struct errmsg *em)
{
    struct name_list strange = {0}, second = {0}, shared = {0}, points = {0};
    char folder[PATH_BYTES_MAX];
    for (size_t i = 0; i < t->n; i++) {
        const struct pack_row *r = &t->rows[i];
        if (!claims[i].fits && r->more > 0)
            return FAIL(em, ST_DATA, "%s:%zu: %d numbers; write %s", t->path, r->line,
                        2 * t->kind->points + r->more, t->kind->wanted);
        if (!claims[i].fits)
            add_row(&strange, r);
        else if (claims[i].n_taken == 0)
            add_row(&second, r);
        else if (claims[i].n_taken > 1)
            add_row(&shared, r);
        if (is_one_point(t, r))
            add_row(&points, r);
    }
    enum status st = ST_OK;
    path_folder(t->path, folder, sizeof folder);
    if (t->n == 0)
        st = pack_note_add(s->report, false, t->path, em, "it has no rows, and is not used");
    else if (strange.n > 0 && picture_folder_extracted(folder))
        st = pack_note_add(s->report, true, folder, em,
                           "%zu of the %zu faces that extract stored %s culled or still in unsure: "
                           "the pictures are not here",
                           strange.n, t->n, strange.n == 1 ? "is" : "are");
    else if (strange.n > 0)
        st = pack_note_add(s->report, false, t->path, em,
                           "%zu of %zu rows belong%s to no picture: %s", strange.n, t->n,
                           strange.n == 1 ? "s" : "", name_list_text(&strange));
    if (st == ST_OK && second.n > 0)
        st =
            pack_note_add(s->report, false, t->path, em,
                          "%zu %s not used, because an earlier or more exact row names the same "
                          "picture: %s",
                          second.n, second.n == 1 ? "row is" : "rows are", name_list_text(&second));
    if (st == ST_OK && shared.n > 0)
        st =
            pack_note_add(s->report, false, t->path, em,
                          "%zu serve%s several pictures, whose names differ in the extension or in "
                          "case only: %s",
                          shared.n, shared.n == 1 ? "s" : "", name_list_text(&shared));
    if (st == ST_OK && points.n > 0)
        st = pack_note_add(s->report, false, t->path, em,
                           "%zu %s not used, because all points are at one place: %s", points.n,
                           points.n == 1 ? "row is" : "rows are", name_list_text(&points));
    return st;
}

static enum status give(struct pack_source *s, size_t first, enum pack_marks which,
                        struct pack_table *t, const size_t *owner, struct errmsg *em)
{
    size_t bytes = (size_t)t->kind->points * 2 * sizeof(float);
    bool shares = are_shares(t);
    for (size_t i = first; i < s->n; i++) {
        const struct pack_row *row = owner[i - first] ? &t->rows[owner[i - first] - 1] : NULL;
        struct pack_places *to = &s->items[i].places[which];
        if (!row || row->dropped || is_one_point(t, row))
            continue;
        *to = (struct pack_places){.at = malloc(bytes), .shares = shares, .line = row->line};
        if (!to->at)
            return FAIL(em, ST_MEMORY, "out of memory reading %s", t->path);
        memcpy(to->at, row->numbers, bytes);
    }
    return shares
               ? pack_note_add(s->report, false, t->path, em,
                               "all numbers are from 0 to 1: read as shares of the pictures' width "
                               "and height, not as pixels")
               : ST_OK;
}

enum status pack_marks_read(struct pack_source *s, size_t first, enum pack_marks which,
                            const char *path, struct errmsg *em)
{
    struct pack_table t;
    enum status st = pack_table_read(&t, which, path, em);
    if (st != ST_OK)
        return st;
    size_t *owner = calloc(MAX(s->n - first, 1), sizeof *owner);
    struct pack_claim *claims = calloc(MAX(t.n, 1), sizeof *claims);
    if (!owner || !claims)
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    for (size_t i = 0; i < t.n && st == ST_OK; i++)
        claims[i].name = t.rows[i].name;
    for (int stem = 0; stem < 2 && st == ST_OK; stem++) /* first by file name, then by stem */
        st = pack_match(s, first, stem != 0, claims, t.n, owner, em);
    if (st == ST_OK)
        st = note(s, &t, claims, em);
    if (st == ST_OK && which == PACK_POINTS)
        st = pack_points_look(s, &t, em);
    if (st == ST_OK)
        st = give(s, first, which, &t, owner, em);
    free(claims);
    free(owner);
    pack_table_release(&t);
    return st;
}

/* --- in the stored picture -------------------------------------------------------------------- */

/* The matrix goes from pixel centre to pixel centre: x' = (x + 0.5 - left) * scale - 0.5. */
void pack_item_measure(struct pack_item *item, int width, int height, int size)
{
    int side = MIN(width, height);
    float scale = (float)size / (float)side;
    float left = (float)((width - side) / 2), top = (float)((height - side) / 2);
    const float matrix[2][3] = {
        {scale, 0,     (0.5f - left) * scale - 0.5f},
        {0,     scale, (0.5f - top) * scale - 0.5f }
    };
    item->width = width;
    item->height = height;
    memcpy(item->matrix, matrix, sizeof matrix);
}

/* A coordinate in pixels of the upright source picture. */
static float in_source(const struct pack_item *item, const struct pack_places *p, int i, int axis)
{
    float side = axis == 0 ? (float)item->width : (float)item->height;
    return p->shares ? p->at[i][axis] * side - 0.5f : p->at[i][axis];
}

bool pack_places_outside(const struct pack_item *item, enum pack_marks which)
{
    const struct pack_places *p = &item->places[which];
    for (int i = 0; i < pack_marks_kinds[which].points; i++)
        for (int axis = 0; axis < 2; axis++) {
            float at = in_source(item, p, i, axis);
            if (at < -1 || at > (axis == 0 ? (float)item->width : (float)item->height))
                return true;
        }
    return false;
}

void pack_places_stored(const struct pack_item *item, enum pack_marks which, float (*out)[2])
{
    const struct pack_places *p = &item->places[which];
    for (int i = 0; i < pack_marks_kinds[which].points; i++)
        for (int axis = 0; axis < 2; axis++)
            out[i][axis] = p->at ? in_source(item, p, i, axis) * item->matrix[axis][axis] +
                                       item->matrix[axis][2]
                                 : NAN;
}
