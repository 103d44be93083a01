/* The notes of the report: what was left out, what was not used, what looks wrong. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "pack_priv.h"

#include "base/poison.h"

/* --- lists ------------------------------------------------------------------------------------ */

static enum status append(struct pack_note **list, size_t *n, struct pack_note note,
                          struct errmsg *em)
{
    struct pack_note *grown =
        note.path && note.reason ? realloc(*list, (*n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(note.path);
        free(note.reason);
        return FAIL(em, ST_MEMORY, "out of memory");
    }
    *list = grown;
    grown[(*n)++] = note;
    return ST_OK;
}

enum status pack_note_add(struct pack_report *r, bool minor, const char *path, struct errmsg *em,
                          const char *fmt, ...)
{
    struct pack_note note = {.path = strdup(path), .minor = minor};
    va_list values;
    va_start(values, fmt);
    if (vasprintf(&note.reason, fmt, values) < 0)
        note.reason = NULL;
    va_end(values);
    return append(&r->notes, &r->n_notes, note, em);
}

static void release(struct pack_note *notes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(notes[i].path);
        free(notes[i].reason);
    }
    free(notes);
}

void pack_report_release(struct pack_report *r)
{
    release(r->skipped, r->n_skipped);
    release(r->notes, r->n_notes);
    *r = (struct pack_report){0};
}

enum status pack_note_left(struct pack_source *s, struct errmsg *em)
{
    enum status st = ST_OK;
    for (struct left_note note; st == ST_OK && left_files_next(&s->left, &note);)
        st = pack_note_add(s->report, note.minor, note.folder, em, "%s", note.text);
    return st;
}

/* --- pictures that cannot be used ------------------------------------------------------------- */

/* A picture of another kind or a video goes to the files left out; any other item is named with its
 * reason. */
static enum status note_bad(struct pack_source *s, const struct pack_item *item, struct errmsg *em)
{
    struct pack_report *r = s->report;
    char folder[PATH_BYTES_MAX];
    if (item->kind && (item->kind->group == FILE_PICTURE || item->kind->group == FILE_VIDEO)) {
        path_folder(item->path, folder, sizeof folder);
        return left_files_add(&s->left, folder, path_name(item->path), item->kind, false, em);
    }
    const struct pack_note note = {strdup(item->path), strdup(item->reason), false};
    return append(&r->skipped, &r->n_skipped, note, em);
}

enum status pack_note_skipped(struct pack_source *s, const struct pack_options *o,
                              struct errmsg *em)
{
    const struct pack_item *first = NULL;
    struct pack_report *r = s->report;
    enum status st = ST_OK;
    r->n_left_out = left_files_pictures(&s->left);
    for (size_t i = 0; i < s->n && st == ST_OK; i++) {
        if (s->items[i].good)
            continue;
        first = first ? first : &s->items[i];
        r->n_left_out++;
        r->n_bad++;
        st = note_bad(s, &s->items[i], em);
    }
    if (st != ST_OK || !first)
        return st;
    if (o->strict)
        return FAIL(em, ST_DATA,
                    "%zu of %zu pictures cannot be used, but --strict requires all; "
                    "the first is %s: %s",
                    r->n_bad, s->n, first->path, first->reason);
    if (r->n_bad == s->n)
        return FAIL(em, ST_NOINPUT, "none of the %zu pictures can be used; the first is %s: %s",
                    s->n, first->path, first->reason);
    return ST_OK;
}

/* --- side data -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
    const char *none, *unreadable, *other_size, *one, *some;
} lacks[PACK_SIDES + 1] = {
    [PACK_MASK] = {"no mask", "no mask that can be read", "no mask of the picture's size",
                   "mask", "masks"},
    [PACK_TRUTH] = {"no true swap", "no true swap that can be read",
                    "no true swap of the picture's size", "true swap", "true swaps"},
    [PACK_SIDES] = {"no row in landmarks.csv that can be used", "", "", "landmarks", "landmarks"},
};
/* clang-format on */

/* The reason why an item has no side data of a kind. */
static void describe_lack(const struct pack_item *item, int kind, char *out, size_t room)
{
    if (kind == PACK_SIDES || !item->side_path[kind])
        snprintf(out, room, "%s", lacks[kind].none);
    else if (item->side_width[kind] == 0)
        snprintf(out, room, "%s (%s: %.300s)", lacks[kind].unreadable, item->side_path[kind],
                 item->side_reason[kind] ? item->side_reason[kind] : "out of memory");
    else
        snprintf(out, room, "%s (%d x %d pixels; %s has %d x %d)", lacks[kind].other_size,
                 item->width, item->height, item->side_path[kind], item->side_width[kind],
                 item->side_height[kind]);
}

enum status pack_note_side(struct pack_source *s, int kind, bool *complete_out, struct errmsg *em)
{
    const struct pack_item *first = NULL;
    struct name_list lacking = {0};
    bool any = false;
    for (size_t i = 0; i < s->n; i++) {
        const struct pack_item *item = &s->items[i];
        bool has =
            kind < PACK_SIDES ? item->side_good[kind] : item->places[PACK_LANDMARKS].at != NULL;
        any = any || has || (kind < PACK_SIDES && item->side_path[kind]);
        if (!item->good || has)
            continue;
        first = first ? first : item;
        name_list_add(&lacking, item->name);
    }
    *complete_out = any && !first;
    if (!any || !first)
        return ST_OK;
    char why[PATH_BYTES_MAX + 500], folder[PATH_BYTES_MAX];
    describe_lack(first, kind, why, sizeof why);
    path_folder(first->path, folder, sizeof folder);
    return pack_note_add(
        s->report, false, folder, em,
        "%zu of %zu pictures %s no usable %s (%s%s: %s): the set is packed without "
        "%s",
        lacking.n, s->n - s->report->n_bad, lacking.n == 1 ? "has" : "have", lacks[kind].one,
        name_list_text(&lacking), lacking.n > 1 ? "; the first" : "", why, lacks[kind].some);
}

enum status pack_note_outside(struct pack_source *s, enum pack_marks which, struct errmsg *em)
{
    struct name_list outside = {0};
    char folder[PATH_BYTES_MAX], text[SET_NAME_BYTES_MAX + 64];
    const struct pack_item *first = NULL;
    for (size_t i = 0; i < s->n; i++) {
        const struct pack_item *item = &s->items[i];
        if (!item->good || !item->places[which].at || !pack_places_outside(item, which))
            continue;
        first = first ? first : item;
        snprintf(text, sizeof text, "%s (line %zu)", item->name, item->places[which].line);
        name_list_add(&outside, text);
    }
    if (!first)
        return ST_OK;
    path_folder(first->path, folder, sizeof folder);
    /* minor for points: faces often reach beyond a picture that is cut close */
    return pack_note_add(s->report, which == PACK_POINTS, folder, em,
                         "%s of %zu picture%s lie outside of the picture: %s",
                         pack_marks_kinds[which].name, outside.n, PLURAL(outside.n),
                         name_list_text(&outside));
}

enum status pack_note_uncut(struct pack_source *s, int size, struct errmsg *em)
{
    struct name_list uncut = {0};
    char folder[PATH_BYTES_MAX];
    size_t n = 0, n_marked = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct pack_item *item = &s->items[i];
        bool marked = item->places[PACK_LANDMARKS].at || item->places[PACK_POINTS].at ||
                      item->side_path[PACK_MASK] || item->face.source;
        n += item->good;
        n_marked += marked;
        if (item->good && !marked && item->width != item->height &&
            MIN(item->width, item->height) > 2 * size)
            name_list_add(&uncut, item->name);
    }
    path_folder(s->items[0].path, folder, sizeof folder);
    if (uncut.n == 0)
        return n_marked > 0 ? ST_OK
                            : pack_note_add(s->report, true, folder, em,
                                            "there are no points and no masks, so each picture "
                                            "must be cut to the face already. bifrons extract "
                                            "cuts faces out of whole photographs, and finds the "
                                            "points and masks that configs/recipe.toml needs");
    return pack_note_add(
        s->report, false, folder, em,
        "%zu of %zu pictures %s large and not square, and nothing says where the "
        "face is: the middle square is packed (%s). Sets are of pictures cut to the face; "
        "bifrons extract cuts them out of whole photographs",
        uncut.n, n, uncut.n == 1 ? "is" : "are", name_list_text(&uncut));
}

/* --- copies ----------------------------------------------------------------------------------- */

static int compare_pixels(const void *a, const void *b)
{
    const struct pack_item *x = *(const struct pack_item *const *)a,
                           *y = *(const struct pack_item *const *)b;
    if (x->stored_hash != y->stored_hash)
        return x->stored_hash < y->stored_hash ? -1 : 1;
    return x < y ? -1 : 1;
}

enum status pack_note_copies(struct pack_source *s, struct errmsg *em)
{
    struct name_list copies = {0};
    char folder[PATH_BYTES_MAX], text[2 * SET_NAME_BYTES_MAX + 8];
    const struct pack_item **sorted = calloc(MAX(s->n, 1), sizeof *sorted);
    size_t n = 0;
    if (!sorted)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].good)
            sorted[n++] = &s->items[i];
    qsort(sorted, n, sizeof *sorted, compare_pixels);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (sorted[i]->stored_hash != sorted[first]->stored_hash) {
            first = i;
            continue;
        }
        snprintf(text, sizeof text, "%s = %s", sorted[i]->name, sorted[first]->name);
        name_list_add(&copies, text);
    }
    free(sorted);
    if (copies.n == 0)
        return ST_OK;
    path_folder(s->items[0].path, folder, sizeof folder);
    return pack_note_add(s->report, false, folder, em,
                         "%zu of %zu pictures %s of others, and count that often in training: %s",
                         copies.n, n, copies.n == 1 ? "is a copy" : "are copies",
                         name_list_text(&copies));
}

enum status pack_note_profiles(struct pack_source *s, struct errmsg *em)
{
    const struct pack_item *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].good && s->items[i].profile[0]) {
            first = first ? first : &s->items[i];
            n++;
        }
    return first ? pack_note_add(s->report, false, first->path, em,
                                 "%zu picture%s a colour profile (here: %s) that is not applied; "
                                 "convert to sRGB where colours matter",
                                 n, n == 1 ? " has" : "s have", first->profile)
                 : ST_OK;
}

enum status pack_note_generated(struct pack_source *s, struct errmsg *em)
{
    const struct pack_item *first = NULL;
    struct name_list names = {0};
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].good && s->items[i].generated) {
            first = first ? first : &s->items[i];
            name_list_add(&names, s->items[i].name);
        }
    if (!first)
        return ST_OK;
    char folder[PATH_BYTES_MAX];
    path_folder(first->path, folder, sizeof folder);
    return pack_note_add(s->report, false, folder, em,
                         "%zu %s, or drawn by an algorithm: %s. The set does not say so. Leave "
                         "them out unless you want them",
                         names.n,
                         names.n == 1 ? "picture is a composite" : "pictures are composites",
                         name_list_text(&names));
}
