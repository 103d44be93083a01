#include "data/left_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum status left_files_add(struct left_files *l, const char *folder, const char *name,
                           const struct file_kind *kind, bool side_data, struct errmsg *em)
{
    struct left_file file = {strdup(folder), strdup(name), kind, side_data, false};
    struct left_file *grown =
        file.folder && file.name ? realloc(l->list, (l->n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(file.folder);
        free(file.name);
        return FAIL(em, ST_MEMORY, "out of memory while listing %s", folder);
    }
    l->list = grown;
    l->list[l->n++] = file;
    return ST_OK;
}

void left_files_release(struct left_files *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->list[i].folder);
        free(l->list[i].name);
    }
    free(l->list);
    *l = (struct left_files){0};
}

size_t left_files_pictures(const struct left_files *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += !l->list[i].side_data && l->list[i].kind->group == FILE_PICTURE;
    return n;
}

/* Listed by kind; all other files are listed together. */
static bool is_shown(const struct left_file *f)
{
    return f->kind->group == FILE_PICTURE || f->kind->group == FILE_VIDEO;
}

static bool is_alike(const struct left_file *a, const struct left_file *b)
{
    return is_shown(a) == is_shown(b) &&
           (!is_shown(a) || strcmp(a->kind->name, b->kind->name) == 0);
}

/* "2 HEIC pictures, 1 TIFF picture: save them as JPEG or PNG" for the files of one group; "":
 * none. */
static void summarize(const struct left_files *l, enum file_group group, char *out, size_t room)
{
    size_t all = 0, used;
    out[0] = '\0';
    for (size_t i = 0; i < l->n; i++) {
        size_t n = 0;
        bool earlier = l->list[i].kind->group != group;
        for (size_t k = 0; k < i && !earlier; k++)
            earlier = is_alike(&l->list[k], &l->list[i]);
        for (size_t k = i; k < l->n && !earlier; k++)
            n += is_alike(&l->list[k], &l->list[i]);
        used = strlen(out);
        if (n > 0)
            snprintf(out + used, room - used, "%s%zu %s%s", used > 0 ? ", " : "", n,
                     file_kind_noun(l->list[i].kind), PLURAL(n));
        all += n;
    }
    used = strlen(out);
    if (all > 0)
        snprintf(out + used, room - used, ": %s", file_group_remedy(group, all));
}

enum status left_files_no_pictures(const struct left_files *l, struct name_list *inside,
                                   const char *folder, struct errmsg *em)
{
    char pictures[512], videos[512], folders[sizeof inside->text + 80] = "";
    summarize(l, FILE_PICTURE, pictures, sizeof pictures);
    summarize(l, FILE_VIDEO, videos, sizeof videos);
    if (inside->n > 0)
        snprintf(folders, sizeof folders, "; pictures are in folders inside it (give these): %s",
                 name_list_text(inside));
    return FAIL(em, ST_NOINPUT,
                "no pictures in %s: JPEG, PNG and BMP are looked for directly inside it%s%s%s%s%s",
                folder, pictures[0] ? "; it holds " : "", pictures, videos[0] ? "; it holds " : "",
                videos, folders);
}

bool left_files_next(struct left_files *l, struct left_note *out)
{
    struct left_file *first = l->list, *end = l->list + l->n;
    while (first < end && first->told)
        first++;
    if (first == end)
        return false;
    struct name_list names = {0};
    for (struct left_file *f = first; f < end; f++)
        if (!f->told && strcmp(f->folder, first->folder) == 0 && is_alike(first, f)) {
            name_list_add(&names, f->name);
            f->told = true;
        }
    out->folder = first->folder;
    out->minor = !is_shown(first);
    if (is_shown(first))
        snprintf(out->text, sizeof out->text, "%zu %s%s left out (%s): %s", names.n,
                 file_kind_noun(first->kind), PLURAL(names.n),
                 file_group_remedy(first->kind->group, names.n), name_list_text(&names));
    else
        snprintf(out->text, sizeof out->text, "%zu other file%s not used: %s", names.n,
                 names.n == 1 ? " is" : "s are", name_list_text(&names));
    return true;
}
