#include "inputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/log.h"
#include "data/file_kind.h"
#include "data/left_files.h"
#include "data/picture.h"
#include "data/picture_folder.h"

#include "base/poison.h"

enum { PATHS_MAX = 1 << 22, FOLDERS_MAX = 100000 };

struct list {
    char **paths;
    size_t n, room, n_videos;
};

static enum status add(struct list *l, const char *folder, const char *name, size_t most,
                       struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, folder, name))
        return FAIL(em, ST_NOINPUT, "path too long: %s/%s", folder, name);
    if (l->n == most)
        return FAIL(em, ST_NOINPUT, "more than %zu pictures or folders at %s", most, path);
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        char **more = realloc(l->paths, room * sizeof *more);
        if (!more)
            return FAIL(em, ST_MEMORY, "out of memory listing %s", folder);
        l->paths = more;
        l->room = room;
    }
    l->paths[l->n] = strdup(path);
    if (!l->paths[l->n])
        return FAIL(em, ST_MEMORY, "out of memory listing %s", folder);
    l->n++;
    return ST_OK;
}

static void release(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->paths[i]);
    free(l->paths);
    *l = (struct list){0};
}

static enum status list_folder(const char *folder, struct list *pictures, struct list *folders,
                               struct errmsg *em)
{
    struct picture_folder f;
    struct left_files left = {0};
    enum status st = picture_folder_list(folder, &f, em);
    if (st != ST_OK)
        return st;
    for (size_t i = 0; i < f.n && st == ST_OK; i++) {
        const struct folder_entry *e = &f.entries[i];
        bool video = !e->picture && e->kind->group == FILE_VIDEO;
        pictures->n_videos += video;
        if (e->picture || video)
            st = add(pictures, folder, e->name, PATHS_MAX, em);
        else if (folder_entry_is_folder(e) && !e->own)
            st = add(folders, folder, e->name, FOLDERS_MAX, em);
        else if (e->own)
            log_info("%s/%s is of pictures that are cut already; not used", folder, e->name);
        else
            st = left_files_add(&left, folder, e->name, e->kind, false, em);
    }
    for (struct left_note note; st == ST_OK && left_files_next(&left, &note);)
        log_at(note.minor ? LOG_INFO : LOG_WARN, "%s: %s", note.folder, note.text);
    left_files_release(&left);
    picture_folder_release(&f);
    return st;
}

static enum status list_word(const char *word, struct list *pictures, struct list *folders,
                             struct errmsg *em)
{
    const struct file_kind *kind;
    enum status st = file_kind_read(word, &kind, em);
    if (st != ST_OK)
        return st;
    if (kind->group == FILE_FOLDER)
        return add(folders, "", word, FOLDERS_MAX, em);
    pictures->n_videos += kind->group == FILE_VIDEO;
    if (kind->group == FILE_READABLE || kind->group == FILE_VIDEO)
        return add(pictures, "", word, PATHS_MAX, em);
    const char *remedy = file_group_remedy(kind->group, 1);
    return FAIL(em, kind->group == FILE_SPECIAL || kind->group == FILE_RUN ? ST_NOINPUT : ST_DATA,
                "%s is %s: name a JPEG, PNG or BMP picture, a video, or a folder of them%s%s", word,
                kind->name, remedy[0] ? "; " : "", remedy);
}

/* Cut faces carry no mark: whoever reads them later cannot know. */
static void log_generated(const struct list *pictures)
{
    struct name_list generated = {0};
    for (size_t i = 0; i < pictures->n; i++)
        if (picture_is_generated(pictures->paths[i]))
            name_list_add(&generated, pictures->paths[i]);
    if (generated.n > 0)
        log_warn("%zu input%s already a composite, or drawn by an algorithm: %s. Their cut faces "
                 "do not say so. Leave them out, if they are not what you mean",
                 generated.n, generated.n == 1 ? " is" : "s are", name_list_text(&generated));
}

enum status inputs_list(const char *const *words, size_t n_words, struct inputs *out,
                        struct errmsg *em)
{
    struct list pictures = {0}, folders = {0};
    enum status st = ST_OK;
    for (size_t i = 0; i < n_words && st == ST_OK; i++)
        st = list_word(words[i], &pictures, &folders, em);
    for (size_t i = 0; i < folders.n && st == ST_OK; i++)
        st = list_folder(folders.paths[i], &pictures, &folders, em);
    if (st == ST_OK && pictures.n == 0)
        st = FAIL(em, ST_NOINPUT, "there is no JPEG, PNG or BMP picture and no video in %s",
                  words[0]);
    release(&folders);
    if (st == ST_OK)
        log_generated(&pictures);
    if (st == ST_OK)
        *out = (struct inputs){.paths = pictures.paths,
                               .n = pictures.n,
                               .n_videos = pictures.n_videos};
    else
        release(&pictures);
    return st;
}

void inputs_release(struct inputs *in)
{
    struct list l = {.paths = in->paths, .n = in->n};
    release(&l);
    *in = (struct inputs){0};
}
