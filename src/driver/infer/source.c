#include "source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "data/file_kind.h"
#include "data/left_files.h"
#include "data/picture_folder.h"
#include "data/points.h"

#include "base/poison.h"

static enum status add(struct source *s, const char *folder, const char *name, struct errmsg *em)
{
    if (!path_join(s->paths[s->n], PATH_BYTES_MAX, folder, name))
        return FAIL(em, ST_NOINPUT, "path too long: %s/%s", folder, name);
    s->n++;
    return ST_OK;
}

static enum status list_folder(const char *folder, struct source *out, struct errmsg *em)
{
    struct picture_folder f;
    struct left_files left = {0};
    struct name_list inside = {0};
    enum status st = picture_folder_list(folder, &f, em);
    if (st != ST_OK)
        return st;
    out->folder = true;
    out->paths = calloc(MAX(f.n, 1), sizeof *out->paths);
    if (!out->paths)
        st = FAIL(em, ST_MEMORY, "out of memory listing %s", folder);
    for (size_t i = 0; i < f.n && st == ST_OK; i++) {
        const struct folder_entry *e = &f.entries[i];
        if (e->picture)
            st = add(out, folder, e->name, em);
        else if (!e->own && folder_entry_is_folder(e))
            st = picture_folder_look_inside(folder, e->name, &inside, em);
        else if (!e->own)
            st = left_files_add(&left, folder, e->name, e->kind, false, em);
    }
    if (st == ST_OK && out->n == 0)
        st = left_files_no_pictures(&left, &inside, folder, em);
    if (st == ST_OK && inside.n > 0)
        log_warn("%s: pictures in folders inside it are not swapped (name each such folder in a "
                 "call of its own): %s",
                 folder, name_list_text(&inside));
    for (struct left_note note; st == ST_OK && left_files_next(&left, &note);)
        log_at(note.minor ? LOG_INFO : LOG_WARN, "%s: %s", note.folder, note.text);
    left_files_release(&left);
    picture_folder_release(&f);
    return st;
}

static enum status refuse(const char *input, const struct file_kind *kind, struct errmsg *em)
{
    const char *remedy = file_group_remedy(kind->group, 1);
    if (kind->group == FILE_RUN)
        return FAIL(em, ST_NOINPUT,
                    "%s is %s: name a checkpoint, such as %s/checkpoints/best.pt, and then a "
                    "picture, a folder of pictures or a set",
                    input, kind->name, input);
    if (kind->group == FILE_SPECIAL)
        return FAIL(em, ST_NOINPUT, "%s is %s: name a picture, a folder of pictures or a set",
                    input, kind->name);
    if (kind->group == FILE_CHECKPOINT)
        return FAIL(em, ST_DATA,
                    "%s is %s: the checkpoint goes first, and then a picture, a folder of pictures "
                    "or a set",
                    input, kind->name);
    return FAIL(em, ST_DATA, "%s is neither JPEG, PNG nor BMP, nor a set (HDF5): it is %s%s%s",
                input, kind->name, remedy[0] ? "; " : "", remedy);
}

enum status source_open(const char *input, struct source *out, struct errmsg *em)
{
    const struct file_kind *kind;
    struct errmsg ignored = {0};
    enum status st = file_kind_read(input, &kind, em);
    if (st != ST_OK)
        return st;
    switch (kind->group) {
    case FILE_FOLDER:
        return list_folder(input, out, em);
    case FILE_SET:
        st = set_open(input, &out->set, em);
        out->n = st == ST_OK ? set_get_info(out->set)->n : 0;
        return st;
    case FILE_VIDEO:
    case FILE_READABLE:
        out->video = kind->group == FILE_VIDEO;
        out->paths = calloc(1, sizeof *out->paths);
        return out->paths ? add(out, "", input, em) : FAIL(em, ST_MEMORY, "out of memory");
    case FILE_RUN:
    case FILE_SPECIAL:
        return refuse(input, kind, em);
    default: /* an HDF5 set may begin at several offsets: try to open it */
        st = set_open(input, &out->set, &ignored);
        out->n = st == ST_OK ? set_get_info(out->set)->n : 0;
        return st == ST_OK ? ST_OK : refuse(input, kind, em);
    }
}

enum status source_open_points(struct source *s, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    if (s->set)
        return ST_OK;
    struct errmsg why = {0};
    path_folder(s->paths[0], folder, sizeof folder);
    enum status st = folder_points_open(folder, &s->points, &why);
    if (st == ST_OK || st == ST_MEMORY || s->folder)
        return st == ST_OK ? ST_OK : FAIL(em, st, "%s", why.text);
    log_warn("%s; the pose of %s is predicted", why.text, s->paths[0]); /* it was not asked for */
    return ST_OK;
}

void source_release(struct source *s)
{
    folder_points_free(s->points);
    free(s->paths);
    set_free(s->set);
    *s = (struct source){0};
}

enum status source_read_whole(struct source *s, int64_t i, struct picture *out, struct errmsg *em)
{
    if (!s->set) {
        enum status st = picture_read(s->paths[i], out, em);
        if (st == ST_OK)
            name_list_add_profile(&s->profiles, s->paths[i], out->profile);
        return st == ST_IO ? ST_NOINPUT : st; /* ST_IO is for results only */
    }
    int side = set_get_info(s->set)->size;
    enum status st = picture_init(out, side, side, em);
    if (st == ST_OK && (st = set_read_image(s->set, i, out->rgb, em)) != ST_OK)
        picture_release(out);
    return st;
}

static enum status read_points(struct source *s, int64_t i, const struct picture *whole, int size,
                               float out[FACE_POINTS][2], struct errmsg *em)
{
    enum status st = ST_OK;
    for (int k = 0; k < FACE_POINTS; k++)
        out[k][0] = out[k][1] = NAN;
    if (s->set && set_get_info(s->set)->has_points)
        st = set_read_points(s->set, i, out, em);
    else if (s->points)
        folder_points_of(s->points, source_name(s, i), whole->width, whole->height, size, out);
    if (st == ST_OK)
        points_normalise(out, s->set ? set_get_info(s->set)->size : size);
    return st;
}

enum status source_read(struct source *s, int64_t i, int size, struct picture *out,
                        float points[FACE_POINTS][2], struct errmsg *em)
{
    struct picture whole = {0}, square = {0};
    enum status st = source_read_whole(s, i, &whole, em);
    s->n_cut += st == ST_OK && whole.width != whole.height;
    if (st == ST_OK)
        st = read_points(s, i, &whole, size, points, em);
    if (st == ST_OK)
        st = picture_crop_square(&whole, &square, em);
    if (st == ST_OK)
        st = picture_resize(&square, size, size, out, em);
    picture_release(&whole);
    picture_release(&square);
    return st;
}

const char *source_name(const struct source *s, int64_t i)
{
    return s->set ? set_name(s->set, i) : path_name(s->paths[i]);
}
