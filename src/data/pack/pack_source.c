/* Finds what to pack: the folders' pictures in order, side data, person and consent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"
#include "pack_priv.h"

#include "base/poison.h"

enum { PICTURES_MAX = 10 * 1000 * 1000 };

/* --- text from outside ---------------------------------------------------------------------- */

/* The words of a small text file, on one line; "": no such file. ST_NOINPUT, ST_IO, ST_DATA: it
 * cannot be read; ST_MEMORY. */
static enum status read_note(const char *folder, const char *name, char *out, size_t room,
                             struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    uint8_t *bytes;
    size_t n, kept = 0;
    out[0] = '\0';
    if (!path_join(path, sizeof path, folder, name) || (!file_exists(path) && !folder_exists(path)))
        return ST_OK;
    enum status st = file_read_all(path, 64 << 10, &bytes, &n, em);
    if (st != ST_OK)
        return st;
    for (size_t i = 0; i < n && bytes[i] != '\0'; i++) {
        bool blank = bytes[i] == ' ' || (bytes[i] >= '\t' && bytes[i] <= '\r');
        if (!blank)
            bytes[kept++] = bytes[i];
        else if (kept > 0 && bytes[kept - 1] != ' ')
            bytes[kept++] = ' ';
    }
    while (kept > 0 && bytes[kept - 1] == ' ')
        kept--;
    bytes[kept] = '\0';
    if (!pack_clean_text((char *)bytes, out, room))
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    free(bytes);
    return st;
}

/* The given text, or that of the folder's file. */
static enum status find_text(const char *given, const char *folder, const char *name, char *out,
                             size_t room, struct errmsg *em)
{
    if (!given)
        return read_note(folder, name, out, room, em);
    return pack_clean_text(given, out, room) ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
}

static void folder_name(const char *folder, char *out, size_t room)
{
    char resolved[PATH_BYTES_MAX], *full = realpath(folder, NULL);
    snprintf(resolved, sizeof resolved, "%s", full ? path_name(full) : path_name(folder));
    free(full);
    if (!pack_clean_text(resolved, out, room) || out[0] == '\0')
        snprintf(out, room, "unnamed");
}

static enum status find_texts(struct pack_source *s, const struct pack_options *o,
                              struct errmsg *em)
{
    const char *folder = o->folders[0];
    enum status st = find_text(o->person, folder, "person.txt", s->person, sizeof s->person, em);
    if (st == ST_OK)
        st = find_text(o->consent, folder, "consent.txt", s->consent, sizeof s->consent, em);
    if (st != ST_OK)
        return st;
    if (s->person[0] == '\0')
        folder_name(folder, s->person, sizeof s->person);
    if (!consent_has_words(s->consent))
        return FAIL(em, ST_USAGE,
                    "no consent statement for the pictures of %s: say who agreed to what with "
                    "--consent \"…\", or write it to %s/consent.txt",
                    s->person, folder);
    return ST_OK;
}

/* --- listing -------------------------------------------------------------------------------- */

static void item_release(struct pack_item *item)
{
    free(item->path);
    free(item->name);
    free(item->reason);
    for (int side = 0; side < PACK_SIDES; side++) {
        free(item->side_path[side]);
        free(item->side_reason[side]);
    }
    for (int which = 0; which < PACK_MARKS; which++)
        free(item->places[which].at);
    pack_face_release(&item->face);
}

void pack_source_release(struct pack_source *s)
{
    for (size_t i = 0; i < s->n; i++)
        item_release(&s->items[i]);
    left_files_release(&s->left);
    free(s->items);
    s->items = NULL;
    s->n = s->capacity = 0;
}

static enum status out_of_memory(const char *folder, struct errmsg *em)
{
    return FAIL(em, ST_MEMORY, "out of memory while listing %s", folder);
}

enum status pack_source_add(struct pack_source *s, const char *folder, const char *file,
                            struct errmsg *em)
{
    char path[PATH_BYTES_MAX], name[SET_NAME_BYTES_MAX];
    if (!path_join(path, sizeof path, folder, file))
        return FAIL(em, ST_NOINPUT, "path too long: %s/%s", folder, file);
    if (s->n == s->capacity) {
        size_t capacity = s->capacity > 0 ? 2 * s->capacity : 256;
        struct pack_item *grown = realloc(s->items, capacity * sizeof *grown);
        if (!grown)
            return out_of_memory(folder, em);
        s->items = grown;
        s->capacity = capacity;
    }
    if (s->n == PICTURES_MAX)
        return FAIL(em, ST_DATA, "more than %d pictures in %s", PICTURES_MAX, folder);
    struct pack_item item = {0};
    if (pack_clean_text(file, name, sizeof name)) {
        item.name = strdup(name);
        item.path = strdup(path);
    }
    if (!item.name || !item.path) {
        item_release(&item);
        return out_of_memory(folder, em);
    }
    s->items[s->n++] = item;
    return ST_OK;
}

static int compare_items(const void *a, const void *b)
{
    const struct pack_item *x = a, *y = b;
    int by_name = strcmp(x->name, y->name);
    return by_name != 0 ? by_name : strcmp(x->path, y->path);
}

/* extract puts faces into `unsure` that may be another person's. */
static enum status refuse_unsure(const char *folder, const struct folder_entry *e,
                                 struct errmsg *em)
{
    struct name_list found = {0};
    if (strcmp(e->name, "unsure") != 0 || !picture_folder_extracted(folder))
        return ST_OK;
    enum status st = picture_folder_look_inside(folder, e->name, &found, em);
    if (st != ST_OK || found.n == 0)
        return st;
    return FAIL(em, ST_DATA,
                "%s/%s: pictures that may be of another person. Move those that show the right "
                "person into %s, and delete the others; their masks and points are in %s already",
                folder, name_list_text(&found), folder, folder);
}

/* Makes items of the folder's pictures; other files are left, folders go to `inside`. */
static enum status sort_out(struct pack_source *s, const char *folder,
                            const struct picture_folder *f, struct name_list *inside,
                            struct errmsg *em)
{
    enum status st = ST_OK;
    for (size_t i = 0; i < f->n && st == ST_OK; i++) {
        const struct folder_entry *e = &f->entries[i];
        if (e->picture)
            st = pack_source_add(s, folder, e->name, em);
        else if (!e->own && folder_entry_is_folder(e)) {
            st = refuse_unsure(folder, e, em);
            if (st == ST_OK)
                st = picture_folder_look_inside(folder, e->name, inside, em);
        } else if (!e->own)
            st = left_files_add(&s->left, folder, e->name, e->kind, false, em);
    }
    return st;
}

static enum status no_pictures(const struct pack_source *s, const char *folder,
                               struct name_list *inside, struct errmsg *em)
{
    const struct file_kind *kind = NULL;
    struct errmsg ignored = {0};
    if (file_kind_read(folder, &kind, &ignored) == ST_OK && kind->group == FILE_RUN)
        return FAIL(em, ST_NOINPUT, "no pictures in %s: it is %s; give the folder of your pictures",
                    folder, kind->name);
    return left_files_no_pictures(&s->left, inside, folder, em);
}

static enum status read_special(struct pack_source *s, size_t first, enum folder_special which,
                                const char *path, struct errmsg *em)
{
    switch (which) {
    case FOLDER_MASKS:
        return pack_sides_find(s, first, path, PACK_MASK, em);
    case FOLDER_TRUTH:
        return pack_sides_find(s, first, path, PACK_TRUTH, em);
    case FOLDER_LANDMARKS:
        return pack_marks_read(s, first, PACK_LANDMARKS, path, em);
    case FOLDER_POINTS:
        return pack_marks_read(s, first, PACK_POINTS, path, em);
    case FOLDER_FACES:
        return pack_faces_read(s, first, path, false, em);
    case FOLDER_IDENTITY:
        return s->no_identity
                   ? pack_note_add(s->report, true, path, em, "not used, because of --no-identity")
                   : pack_faces_read(s, first, path, true, em);
    case FOLDER_SPECIALS:
        break;
    }
    return ST_OK;
}

static enum status find_side_data(struct pack_source *s, size_t first, const char *folder,
                                  const struct picture_folder *f, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = ST_OK;
    for (int i = 0; i < FOLDER_SPECIALS && st == ST_OK; i++) {
        const struct folder_entry *e = picture_folder_special(f, (enum folder_special)i);
        if (!e)
            continue;
        if (!path_join(path, sizeof path, folder, e->name))
            return FAIL(em, ST_NOINPUT, "path too long: %s/%s", folder, e->name);
        st = read_special(s, first, (enum folder_special)i, path, em);
    }
    return st;
}

static enum status list_folder(struct pack_source *s, const char *folder, struct errmsg *em)
{
    size_t first = s->n;
    struct picture_folder f;
    struct name_list inside = {0};
    enum status st = picture_folder_list(folder, &f, em);
    if (st != ST_OK)
        return st;
    st = sort_out(s, folder, &f, &inside, em);
    if (st == ST_OK && s->n == first)
        st = no_pictures(s, folder, &inside, em);
    if (st == ST_OK) {
        qsort(s->items + first, s->n - first, sizeof *s->items, compare_items);
        st = find_side_data(s, first, folder, &f, em);
    }
    if (st == ST_OK && inside.n > 0)
        st = pack_note_add(s->report, false, folder, em,
                           "pictures in folders inside it are not packed (to pack them, give these "
                           "folders, too): %s",
                           name_list_text(&inside));
    picture_folder_release(&f);
    return st;
}

enum status pack_source_init(struct pack_source *s, const struct pack_options *o,
                             struct pack_report *report, struct errmsg *em)
{
    *s = (struct pack_source){.report = report, .no_identity = o->no_identity};
    enum status st = ST_OK;
    for (size_t i = 0; i < o->n_folders && st == ST_OK; i++)
        st = list_folder(s, o->folders[i], em);
    if (st == ST_OK)
        st = find_texts(s, o, em);
    if (st != ST_OK)
        pack_source_release(s);
    return st;
}

/* --- contents ------------------------------------------------------------------------------- */

enum status pack_read(const char *path, uint8_t **bytes_out, size_t *n_out, uint64_t *hash_out,
                      struct errmsg *em)
{
    uint8_t *bytes;
    size_t n;
    enum status st = file_read_all(path, PACK_FILE_BYTES_MAX, &bytes, &n, em);
    if (st != ST_OK)
        return st;
    *hash_out = hash64(bytes, n, 0);
    if (bytes_out) {
        *bytes_out = bytes;
        *n_out = n;
    } else {
        free(bytes);
    }
    return ST_OK;
}

void pack_source_hash(const struct pack_source *s, char out[static 33])
{
    struct hash128 all = {0};
    for (size_t i = 0; i < s->n; i++) {
        const struct pack_item *item = &s->items[i];
        const struct pack_places *landmarks = &item->places[PACK_LANDMARKS],
                                 *points = &item->places[PACK_POINTS];
        uint8_t link[SET_NAME_BYTES_MAX + 128] = {0};
        const size_t landmark_bytes = sizeof(float[SET_LANDMARKS][2]);
        size_t at = strlen(item->name) + 1;
        memcpy(link, item->name, at);
        const uint64_t numbers[] = {item->hash,
                                    item->side_hash[PACK_MASK],
                                    item->side_hash[PACK_TRUTH],
                                    landmarks->at != NULL,
                                    all.high,
                                    all.low};
        memcpy(link + at, numbers, sizeof numbers);
        at += sizeof numbers;
        if (landmarks->at)
            memcpy(link + at, landmarks->at, landmark_bytes);
        at += landmark_bytes;
        if (points->at) { /* only with points, so that the hash of folders without points stays the
                             same as in older versions */
            uint64_t hash = hash64(points->at, sizeof(float[FACE_POINTS][2]), 0);
            memcpy(link + at, &hash, sizeof hash);
            at += sizeof hash;
        }
        uint64_t face = pack_face_hash(item);
        if (face != 0) { /* likewise */
            memcpy(link + at, &face, sizeof face);
            at += sizeof face;
        }
        all = hash128(link, at); /* a chain: each link contains the hash of all links before it */
    }
    hash128_hex(all, out);
}
