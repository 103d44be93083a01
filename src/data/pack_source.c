/* What is to be packed: the folders' pictures in order, their side data, person and consent. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"
#include "data/picture.h"
#include "pack_priv.h"

#include "base/poison.h"

enum { PICTURES_MAX = 10 * 1000 * 1000 };

/* --- text from outside ---------------------------------------------------------------------- */

/* Valid UTF-8 in form NFC without control characters; what does not belong becomes '?'. */
static bool clean_text(const char *raw, char *out, size_t room)
{
    char *copy = strdup(raw);
    if (!copy)
        return false;
    size_t n = strlen(copy);
    for (const uint8_t *bad; (bad = u8_check((uint8_t *)copy, n)) != NULL;)
        copy[(const char *)bad - copy] = '?';
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f)
            copy[i] = '?';
    size_t length = 0;
    uint8_t *normal = u8_normalize(UNINORM_NFC, (uint8_t *)copy, n, NULL, &length);
    free(copy);
    if (!normal)
        return n == 0 && (out[0] = '\0', true);
    size_t kept = MIN(length, room - 1);
    while (kept > 0 && kept < length && (normal[kept] & 0xC0) == 0x80)
        kept--; /* not in the middle of a character */
    memcpy(out, normal, kept);
    out[kept] = '\0';
    free(normal);
    return true;
}

/* The words of a small text file on one line; false where there is none. */
static bool read_note(const char *folder, const char *name, char *out, size_t room)
{
    char path[PATH_BYTES_MAX];
    uint8_t *bytes;
    size_t n, kept = 0;
    if (!path_join(path, sizeof path, folder, name) || !file_exists(path) ||
        file_read_all(path, 64 * 1024, &bytes, &n, NULL) != ST_OK)
        return false;
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
    bool good = clean_text((char *)bytes, out, room) && out[0] != '\0';
    free(bytes);
    return good;
}

static void folder_name(const char *folder, char *out, size_t room)
{
    char resolved[PATH_BYTES_MAX], *full = realpath(folder, NULL);
    snprintf(resolved, sizeof resolved, "%s", full ? path_name(full) : path_name(folder));
    free(full);
    if (!clean_text(resolved, out, room) || out[0] == '\0')
        snprintf(out, room, "unnamed");
}

static enum status find_texts(struct pack_source *s, const struct pack_options *o,
                              struct errmsg *em)
{
    const char *folder = o->folders[0];
    bool have_person = o->person ? clean_text(o->person, s->person, sizeof s->person)
                                 : read_note(folder, "person.txt", s->person, sizeof s->person);
    if (!have_person || s->person[0] == '\0')
        folder_name(folder, s->person, sizeof s->person);
    bool have_consent = o->consent
                            ? clean_text(o->consent, s->consent, sizeof s->consent)
                            : read_note(folder, "consent.txt", s->consent, sizeof s->consent);
    if (!have_consent || strspn(s->consent, " ") == strlen(s->consent))
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
    for (int side = 0; side < PACK_SIDES; side++)
        free(item->side_path[side]);
}

void pack_source_release(struct pack_source *s)
{
    for (size_t i = 0; i < s->n; i++)
        item_release(&s->items[i]);
    free(s->items);
    s->items = NULL;
    s->n = s->capacity = 0;
}

static enum status out_of_memory(const char *folder, struct errmsg *em)
{
    return FAIL(em, ST_MEMORY, "out of memory while listing %s", folder);
}

static enum status add_item(struct pack_source *s, const char *folder, const char *file,
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
    if (clean_text(file, name, sizeof name)) {
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

/* masks/STEM.png and the like; its path is the item's to free. */
static enum status find_side(struct pack_item *item, enum pack_side side, const char *folder,
                             struct errmsg *em)
{
    static const char *const folders[PACK_SIDES] = {"masks", "truth"};
    static const char *const extensions[] = {"png", "PNG", "bmp", "jpg", "jpeg"};
    char stem[SET_NAME_BYTES_MAX], path[PATH_BYTES_MAX];
    path_stem(item->path, stem, sizeof stem);
    for (size_t i = 0; i < ARRAY_LENGTH(extensions) && !item->side_path[side]; i++) {
        int n =
            snprintf(path, sizeof path, "%s/%s/%s.%s", folder, folders[side], stem, extensions[i]);
        if (n < 0 || (size_t)n >= sizeof path || !file_exists(path))
            continue;
        item->side_path[side] = strdup(path);
        if (!item->side_path[side])
            return out_of_memory(folder, em);
    }
    return ST_OK;
}

static enum status list_files(struct pack_source *s, const char *folder, struct errmsg *em)
{
    DIR *d = opendir(folder);
    if (!d && errno == ENOTDIR)
        return FAIL(em, ST_NOINPUT, "%s is a file: give the folder that holds the pictures",
                    folder);
    if (!d)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open folder %s", folder);
    enum status st = ST_OK;
    for (const struct dirent *e; st == ST_OK && (e = readdir(d)) != NULL;)
        if (picture_extension_known(e->d_name))
            st = add_item(s, folder, e->d_name, em);
    closedir(d);
    return st;
}

static enum status list_folder(struct pack_source *s, const char *folder, struct errmsg *em)
{
    size_t first = s->n;
    enum status st = list_files(s, folder, em);
    if (st != ST_OK)
        return st;
    if (s->n == first)
        return FAIL(em, ST_NOINPUT,
                    "no pictures in %s: files that end in .jpg, .jpeg, .png or .bmp are looked for "
                    "directly inside it",
                    folder);
    qsort(s->items + first, s->n - first, sizeof *s->items, compare_items);
    for (size_t i = first; i < s->n; i++)
        for (int side = 0; side < PACK_SIDES && st == ST_OK; side++)
            st = find_side(&s->items[i], (enum pack_side)side, folder, em);
    return st == ST_OK ? pack_landmarks_read(s, first, folder, em) : st;
}

enum status pack_source_init(struct pack_source *s, const struct pack_options *o, struct errmsg *em)
{
    *s = (struct pack_source){0};
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
        uint8_t link[SET_NAME_BYTES_MAX + 128] = {0};
        size_t at = strlen(item->name) + 1;
        memcpy(link, item->name, at);
        const uint64_t numbers[] = {item->hash,
                                    item->side_hash[PACK_MASK],
                                    item->side_hash[PACK_TRUTH],
                                    item->has_landmarks,
                                    all.high,
                                    all.low};
        memcpy(link + at, numbers, sizeof numbers);
        at += sizeof numbers;
        memcpy(link + at, item->landmarks, sizeof item->landmarks);
        at += sizeof item->landmarks;
        all = hash128(link, at); /* a chain: each link holds the hash of those before it */
    }
    hash128_hex(all, out);
}
