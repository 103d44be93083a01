/* points.csv: finds what looks wrong, and decides what is stored. */
#include <math.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/file.h"
#include "data/points.h"
#include "pack_priv.h"

#include "base/poison.h"

/* --- rows ------------------------------------------------------------------------------------- */

static const float (*row_points(const struct pack_row *r))[2]
{
    return (const float(*)[2])(const void *)r->numbers;
}

static void add_line(struct name_list *l, const char *name, size_t line)
{
    char text[SET_NAME_BYTES_MAX + 32];
    snprintf(text, sizeof text, "%s (line %zu)", name, line);
    name_list_add(l, text);
}

static enum status refuse_exchanged(const struct pack_table *t, const struct pack_row *r, size_t n,
                                    size_t of, struct errmsg *em)
{
    bool upside_down;
    const char *what = points_exchanged(row_points(r), &upside_down);
    if (upside_down)
        return FAIL(em, ST_DATA,
                    "%s:%zu: the mouth lies above the eyes, as in %zu of %zu rows: give y from the "
                    "upper edge of the picture, downwards",
                    t->path, r->line, n, of);
    return FAIL(em, ST_DATA,
                "%s:%zu: left and right %s are exchanged, as in %zu of %zu rows: left is the "
                "picture's left, so that points 36 to 41 and 68 are the eye on the picture's left; "
                "correct their order",
                t->path, r->line, what, n, of);
}

/* Does the row have a point with only one of x and y? */
static bool has_halves(const struct pack_row *r)
{
    for (size_t i = 0; i < FACE_POINTS; i++)
        if (isnan(r->numbers[2 * i]) != isnan(r->numbers[2 * i + 1]))
            return true;
    return false;
}

enum status pack_points_look(struct pack_source *s, struct pack_table *t, struct errmsg *em)
{
    struct name_list exchanged = {0}, halves = {0};
    const struct pack_row *first = NULL;
    size_t known = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct pack_row *r = &t->rows[i];
        bool upside_down;
        known += points_known(row_points(r)) > 0;
        if (has_halves(r))
            add_line(&halves, r->name, r->line);
        r->dropped = points_exchanged(row_points(r), &upside_down) != NULL;
        if (!r->dropped)
            continue;
        first = first ? first : r;
        add_line(&exchanged, r->name, r->line);
    }
    if (first && 2 * exchanged.n > known)
        return refuse_exchanged(t, first, exchanged.n, known, em);
    enum status st = ST_OK;
    if (first)
        st = pack_note_add(s->report, false, t->path, em,
                           "%zu %s not used, because left and right are exchanged in %s: %s",
                           exchanged.n, exchanged.n == 1 ? "row is" : "rows are",
                           exchanged.n == 1 ? "it" : "them", name_list_text(&exchanged));
    if (st == ST_OK && halves.n > 0)
        st = pack_note_add(s->report, false, t->path, em,
                           "%zu %s points with only one of x and y; these count as not known: %s",
                           halves.n, halves.n == 1 ? "row has" : "rows have",
                           name_list_text(&halves));
    return st;
}

/* --- as stored -------------------------------------------------------------------------------- */

static bool too_far(const float point[2], int size)
{
    float least = (float)(-SET_POINT_REACH * size), most = (float)size - least;
    return point[0] < least || point[0] > most || point[1] < least || point[1] > most;
}

void pack_points_stored(const struct pack_item *item, int size, float out[FACE_POINTS][2])
{
    pack_places_stored(item, PACK_POINTS, out);
    for (int i = 0; i < FACE_POINTS; i++)
        if (!point_is_known(out[i]) || too_far(out[i], size))
            out[i][0] = out[i][1] = NAN;
}

static enum status compare_landmarks(const struct pack_item *item, const float points[][2],
                                     struct errmsg *em)
{
    float landmarks[SET_LANDMARKS][2];
    pack_places_stored(item, PACK_LANDMARKS, landmarks);
    struct points_difference d = points_compare(points, (const float(*)[2])landmarks);
    if (d.landmark < 0)
        return ST_OK;
    return FAIL(em, ST_DATA,
                "%s: the %s of landmarks.csv (line %zu) and of points.csv (line %zu) lie %.1f "
                "pixels apart in the stored picture; at most %.1f are allowed: correct one of the "
                "two files, or remove landmarks.csv",
                item->path, landmark_name(d.landmark), item->places[PACK_LANDMARKS].line,
                item->places[PACK_POINTS].line, d.apart,
                fmax(POINTS_TOLERANCE * d.unit, POINTS_TOLERANCE_PX));
}

static enum status note_unknown(struct pack_source *s, struct name_list *lacking,
                                struct name_list *far, bool usable, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    size_t n = s->n - s->report->n_bad;
    path_folder(s->items[0].path, folder, sizeof folder);
    enum status st = ST_OK;
    if (!usable)
        return pack_note_add(s->report, false, folder, em,
                             "points.csv has no usable point for any of %zu picture%s: they count "
                             "as pictures without points",
                             n, PLURAL(n));
    if (lacking->n > 0)
        st =
            pack_note_add(s->report, false, folder, em,
                          "%zu of %zu pictures %s no usable row in points.csv, so no points are "
                          "known of these: %s",
                          lacking->n, n, lacking->n == 1 ? "has" : "have", name_list_text(lacking));
    if (st == ST_OK && far->n > 0)
        st = pack_note_add(
            s->report, false, folder, em,
            "points of %zu picture%s lie more than %d times the picture's side outside "
            "of it, and count as not known: %s",
            far->n, PLURAL(far->n), SET_POINT_REACH, name_list_text(far));
    return st;
}

/* Has the item a known point that is too far away to be stored? */
static bool loses_points(const struct pack_item *item, const float points[FACE_POINTS][2])
{
    float all[FACE_POINTS][2];
    pack_places_stored(item, PACK_POINTS, all);
    return points_known((const float(*)[2])all) > points_known(points);
}

enum status pack_points_judge(struct pack_source *s, int size, bool landmarks, bool *usable_out,
                              struct errmsg *em)
{
    struct name_list lacking = {0}, far = {0};
    enum status st = ST_OK;
    bool any = false;
    *usable_out = false;
    for (size_t i = 0; i < s->n && st == ST_OK; i++) {
        const struct pack_item *item = &s->items[i];
        float points[FACE_POINTS][2];
        any = any || item->places[PACK_POINTS].at;
        if (!item->good)
            continue;
        pack_points_stored(item, size, points);
        *usable_out = *usable_out || points_known((const float(*)[2])points) > 0;
        if (!item->places[PACK_POINTS].at)
            name_list_add(&lacking, item->name);
        else if (loses_points(item, (const float(*)[2])points))
            add_line(&far, item->name, item->places[PACK_POINTS].line);
        if (landmarks)
            st = compare_landmarks(item, (const float(*)[2])points, em);
    }
    if (st != ST_OK || !any)
        return st;
    st = note_unknown(s, &lacking, &far, *usable_out, em);
    return st == ST_OK && *usable_out ? pack_note_outside(s, PACK_POINTS, em) : st;
}
