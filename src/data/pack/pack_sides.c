/* masks/ and truth/: assigns their pictures to the pictures of the folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/file.h"
#include "pack_priv.h"

#include "base/poison.h"

static const struct {
    const char *one, *some; /* singular, plural */
} words[PACK_SIDES] = {
    [PACK_MASK] = {"mask",      "masks"     },
    [PACK_TRUTH] = {"true swap", "true swaps"},
};

/* The pictures of the folder; PNG first, because their values are exact. */
struct files {
    const char **names;                /* as the system has them */
    char (*stems)[SET_NAME_BYTES_MAX]; /* in NFC */
    struct pack_claim *claims;
    size_t n;
};

static void files_release(struct files *f)
{
    free(f->names);
    free(f->stems);
    free(f->claims);
}

static enum status files_init(struct files *f, struct pack_source *s, const char *folder,
                              const struct picture_folder *listed, struct errmsg *em)
{
    size_t room = MAX(listed->n, 1);
    *f = (struct files){.names = calloc(room, sizeof *f->names),
                        .stems = calloc(room, sizeof *f->stems),
                        .claims = calloc(room, sizeof *f->claims)};
    enum status st =
        f->names && f->stems && f->claims ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int png = 1; png >= 0; png--)
        for (size_t i = 0; i < listed->n && st == ST_OK; i++) {
            const struct folder_entry *e = &listed->entries[i];
            if (!e->picture && png)
                st = left_files_add(&s->left, folder, e->name, e->kind, true, em);
            if (!e->picture || (strcasecmp(path_extension(e->name), ".png") == 0) != (png != 0))
                continue;
            char *stem = f->stems[f->n];
            f->names[f->n] = e->name;
            if (!pack_clean_text(e->name, stem, sizeof *f->stems))
                st = FAIL(em, ST_MEMORY, "out of memory");
            stem[strlen(stem) - strlen(path_extension(stem))] = '\0';
            f->claims[f->n++].name = stem;
        }
    if (st != ST_OK)
        files_release(f);
    return st;
}

static enum status give(struct pack_source *s, size_t first, const char *folder,
                        enum pack_side side, const struct files *f, const size_t *owner,
                        struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    for (size_t i = first; i < s->n; i++) {
        size_t number = owner[i - first];
        if (number == 0)
            continue;
        if (!path_join(path, sizeof path, folder, f->names[number - 1]))
            return FAIL(em, ST_NOINPUT, "path too long: %s/%s", folder, f->names[number - 1]);
        s->items[i].side_path[side] = strdup(path);
        if (!s->items[i].side_path[side])
            return FAIL(em, ST_MEMORY, "out of memory while listing %s", folder);
    }
    return ST_OK;
}

/* Notes files that fit no picture, files that lost to another, and files that serve several
 * pictures. */
static enum status note(const struct pack_source *s, const char *folder, enum pack_side side,
                        const struct files *f, struct errmsg *em)
{
    struct name_list strange = {0}, second = {0}, shared = {0};
    char parent[PATH_BYTES_MAX];
    for (size_t i = 0; i < f->n; i++) {
        const struct pack_claim *c = &f->claims[i];
        if (!c->fits)
            name_list_add(&strange, f->names[i]);
        else if (c->n_taken == 0)
            name_list_add(&second, f->names[i]);
        else if (c->n_taken > 1)
            name_list_add(&shared, f->names[i]);
    }
    enum status st = ST_OK;
    path_folder(folder, parent, sizeof parent);
    if (strange.n > 0 && !picture_folder_extracted(parent)) /* else points.csv counts them */
        st = pack_note_add(s->report, false, folder, em, "%zu of %zu %s belong%s to no picture: %s",
                           strange.n, f->n, words[side].some, strange.n == 1 ? "s" : "",
                           name_list_text(&strange));
    if (st == ST_OK && second.n > 0)
        st =
            pack_note_add(s->report, false, folder, em,
                          "%zu %s not used, because another file of the same name was (PNG first): "
                          "%s",
                          second.n, second.n == 1 ? "is" : "are", name_list_text(&second));
    if (st == ST_OK && shared.n > 0)
        st =
            pack_note_add(s->report, false, folder, em,
                          "%zu serve%s several pictures, whose names differ in the extension or in "
                          "case only: %s; rename the pictures if each has a %s of its own",
                          shared.n, shared.n == 1 ? "s" : "", name_list_text(&shared),
                          words[side].one);
    return st;
}

enum status pack_sides_find(struct pack_source *s, size_t first, const char *folder,
                            enum pack_side side, struct errmsg *em)
{
    struct picture_folder listed;
    struct files f = {0};
    enum status st = picture_folder_list(folder, &listed, em);
    if (st != ST_OK)
        return st;
    size_t *owner = calloc(MAX(s->n - first, 1), sizeof *owner);
    st = owner ? files_init(&f, s, folder, &listed, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK) {
        st = pack_match(s, first, true, f.claims, f.n, owner, em);
        if (st == ST_OK)
            st = give(s, first, folder, side, &f, owner, em);
        if (st == ST_OK)
            st = note(s, folder, side, &f, em);
        files_release(&f);
    }
    free(owner);
    picture_folder_release(&listed);
    return st;
}
