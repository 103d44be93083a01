#include "data/folder_points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "pack_priv.h"

#include "base/poison.h"

struct folder_points {
    struct pack_source source; /* items in the order of their files' names */
    struct pack_report report;
    int size; /* of the pictures that the points were asked for */
};

void folder_points_free(struct folder_points *p)
{
    if (!p)
        return;
    pack_source_release(&p->source);
    pack_report_release(&p->report);
    free(p);
}

static enum status read_points(struct folder_points *p, const char *folder,
                               const struct picture_folder *f, const char *table, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = ST_OK;
    p->source.report = &p->report;
    for (size_t i = 0; i < f->n && st == ST_OK; i++)
        if (f->entries[i].picture)
            st = pack_source_add(&p->source, folder, f->entries[i].name, em);
    if (st == ST_OK && !path_join(path, sizeof path, folder, table))
        st = FAIL(em, ST_NOINPUT, "path too long: %s/%s", folder, table);
    return st == ST_OK ? pack_marks_read(&p->source, 0, PACK_POINTS, path, em) : st;
}

enum status folder_points_open(const char *folder, struct folder_points **out, struct errmsg *em)
{
    struct picture_folder f;
    *out = NULL;
    enum status st = picture_folder_list(folder, &f, em);
    if (st != ST_OK)
        return st;
    const struct folder_entry *table = picture_folder_special(&f, FOLDER_POINTS);
    struct folder_points *p = table ? calloc(1, sizeof *p) : NULL;
    if (table && !p)
        st = FAIL(em, ST_MEMORY, "out of memory while listing %s", folder);
    if (p)
        st = read_points(p, folder, &f, table->name, em);
    picture_folder_release(&f);
    if (st == ST_OK)
        *out = p;
    else
        folder_points_free(p);
    return st;
}

static int compare(const void *file, const void *item)
{
    return strcmp(file, path_name(((const struct pack_item *)item)->path));
}

void folder_points_of(struct folder_points *p, const char *file, int width, int height, int size,
                      float out[FACE_POINTS][2])
{
    struct pack_source *s = &p->source;
    struct pack_item *item = bsearch(file, s->items, s->n, sizeof *item, compare);
    for (int i = 0; i < FACE_POINTS; i++)
        out[i][0] = out[i][1] = NAN;
    if (!item)
        return;
    pack_item_measure(item, width, height, size);
    item->good = true;
    p->size = size;
    pack_points_stored(item, size, out);
}

enum status folder_points_judge(struct folder_points *p, const struct pack_note **notes_out,
                                size_t *n_out, struct errmsg *em)
{
    bool usable;
    p->report.n_bad = p->source.n;
    for (size_t i = 0; i < p->source.n; i++)
        p->report.n_bad -= p->source.items[i].good;
    enum status st = pack_points_judge(&p->source, p->size, false, &usable, em);
    *notes_out = p->report.notes;
    *n_out = p->report.n_notes;
    return st;
}
