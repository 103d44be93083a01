#include "data/picture_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/log.h"
#include "data/picture.h"
#include "pack_priv.h"

#include "base/poison.h"

enum { COUNTED_MAX = 100 * 1000, NAMES_SHOWN = 5 };

/* Files and folders that operating systems put beside pictures. */
static bool is_of_the_system(const char *name)
{
    static const char *const names[] = {
        "Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini",
        "__MACOSX",  "@eaDir",      "$RECYCLE.BIN",      "Icon\r",
    };
    if (name[0] == '.')
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* sheet.png, sheet-2.png, … beside faces.csv: contact sheets of extract. */
static bool is_sheet_of_extract(const char *folder, const char *name)
{
    static const char start[] = "sheet";
    if (strncmp(name, start, sizeof start - 1) != 0 || !picture_folder_extracted(folder))
        return false;
    const char *number = name + sizeof start - 1;
    if (*number == '-')
        number += 1 + strspn(number + 1, "0123456789");
    return strcmp(number, ".png") == 0;
}

bool picture_folder_extracted(const char *folder)
{
    char path[PATH_BYTES_MAX];
    return path_join(path, sizeof path, folder, "faces.csv") && file_exists(path);
}

/* Those, and NAME.sheet.png beside NAME.h5: the contact sheet of pack. */
static bool is_sheet(const char *folder, const char *name)
{
    static const char end[] = ".sheet.png";
    char path[PATH_BYTES_MAX];
    if (is_sheet_of_extract(folder, name))
        return true;
    size_t n = strlen(name), m = sizeof end - 1;
    if (n <= m || strcmp(name + n - m, end) != 0)
        return false;
    int length = snprintf(path, sizeof path, "%s/%.*s.h5", folder, (int)(n - m), name);
    return length > 0 && (size_t)length < sizeof path && file_exists(path);
}

static enum status add(struct picture_folder *f, size_t *capacity, const char *folder,
                       const char *name, struct errmsg *em)
{
    static const struct file_kind unreadable = {"a file that cannot be opened", FILE_OTHER};
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, folder, name))
        return FAIL(em, ST_NOINPUT, "path too long: %s/%s", folder, name);
    if (f->n == *capacity) {
        size_t more = *capacity > 0 ? 2 * *capacity : 64;
        struct folder_entry *grown = realloc(f->entries, more * sizeof *grown);
        if (!grown)
            return FAIL(em, ST_MEMORY, "out of memory while listing %s", folder);
        f->entries = grown;
        *capacity = more;
    }
    struct folder_entry entry = {.name = strdup(name), .picture = picture_extension_known(name)};
    if (!entry.name)
        return FAIL(em, ST_MEMORY, "out of memory while listing %s", folder);
    if (!entry.picture) {
        struct errmsg ignored = {0};
        if (file_kind_read(path, &entry.kind, &ignored) != ST_OK)
            entry.kind = &unreadable;
        entry.picture = entry.kind->group == FILE_READABLE;
    }
    f->entries[f->n++] = entry;
    return ST_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct folder_entry *)a)->name, ((const struct folder_entry *)b)->name);
}

/* --- places of their own ---------------------------------------------------------------------- */

static const char *const special_names[FOLDER_SPECIALS] = {
    "masks", "truth", "landmarks.csv", "points.csv", "faces.csv", "identity.csv",
};

bool folder_entry_is_folder(const struct folder_entry *e)
{
    return e->kind && (e->kind->group == FILE_FOLDER || e->kind->group == FILE_RUN);
}

static bool is_special(const struct folder_entry *e, enum folder_special which)
{
    return !e->picture && folder_entry_is_folder(e) == (which < FOLDER_LANDMARKS) &&
           pack_same_name(e->name, special_names[which]);
}

const struct folder_entry *picture_folder_special(const struct picture_folder *f,
                                                  enum folder_special which)
{
    const struct folder_entry *found = NULL;
    for (size_t i = 0; i < f->n; i++)
        if (is_special(&f->entries[i], which) &&
            (!found || strcmp(f->entries[i].name, special_names[which]) == 0))
            found = &f->entries[i];
    return found;
}

static void mark_own(struct picture_folder *f)
{
    for (int which = 0; which < FOLDER_SPECIALS; which++) {
        const struct folder_entry *e = picture_folder_special(f, (enum folder_special)which);
        if (e)
            f->entries[e - f->entries].own = true;
    }
    for (size_t i = 0; i < f->n; i++) {
        struct folder_entry *e = &f->entries[i];
        e->own = e->own || (!e->picture && (strcmp(e->name, "consent.txt") == 0 ||
                                            strcmp(e->name, "person.txt") == 0));
    }
}

/* --- listing ---------------------------------------------------------------------------------- */

enum status picture_folder_list(const char *folder, struct picture_folder *out, struct errmsg *em)
{
    struct picture_folder f = {0};
    size_t capacity = 0;
    DIR *d = opendir(folder);
    if (!d && errno == ENOTDIR)
        return FAIL(em, ST_NOINPUT, "%s is a file: give the folder that holds the pictures",
                    folder);
    if (!d)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open folder %s", folder);
    enum status st = ST_OK;
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (!e && errno != 0)
            st = FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot read folder %s", folder);
        if (!e || st != ST_OK)
            break;
        if (!is_of_the_system(e->d_name) && !is_sheet(folder, e->d_name))
            st = add(&f, &capacity, folder, e->d_name, em);
    }
    closedir(d);
    if (st != ST_OK) {
        picture_folder_release(&f);
        return st;
    }
    if (f.n > 0)
        qsort(f.entries, f.n, sizeof *f.entries, compare);
    mark_own(&f);
    *out = f;
    return ST_OK;
}

void picture_folder_release(struct picture_folder *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->entries[i].name);
    free(f->entries);
    *f = (struct picture_folder){0};
}

/* --- folders inside --------------------------------------------------------------------------- */

static size_t count_inside(const char *folder)
{
    char path[PATH_BYTES_MAX], *const roots[] = {path, NULL};
    size_t n = 0, seen = 0;
    FTS *walk = path_join(path, sizeof path, "", folder)
                    ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL)
                    : NULL;
    for (FTSENT *e; walk && seen < COUNTED_MAX && (e = fts_read(walk)) != NULL; seen++) {
        if (e->fts_level > 0 && is_of_the_system(e->fts_name))
            fts_set(walk, e, FTS_SKIP);
        else if (e->fts_info != FTS_D && e->fts_info != FTS_DP && e->fts_info != FTS_DNR &&
                 picture_extension_known(e->fts_name))
            n++;
    }
    if (walk)
        fts_close(walk);
    return n;
}

enum status picture_folder_look_inside(const char *folder, const char *name,
                                       struct name_list *found, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], text[NAME_MAX + 64];
    if (!path_join(path, sizeof path, folder, name))
        return FAIL(em, ST_NOINPUT, "path too long: %s/%s", folder, name);
    size_t n = count_inside(path);
    snprintf(text, sizeof text, "%s (%zu)", name, n);
    if (n > 0)
        name_list_add(found, text);
    return ST_OK;
}

/* --- names ------------------------------------------------------------------------------------ */

void name_list_add(struct name_list *l, const char *name)
{
    size_t used = strlen(l->text);
    if (l->n++ >= NAMES_SHOWN)
        return;
    snprintf(l->text + used, sizeof l->text - used, "%s%s", used > 0 ? ", " : "", name);
    for (char *c = l->text + used; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

void name_list_add_profile(struct name_list *l, const char *path, const char *profile)
{
    char text[PATH_BYTES_MAX + 64];
    snprintf(text, sizeof text, "%s (%s)", path, profile);
    if (profile[0])
        name_list_add(l, text);
}

void name_list_warn_profiles(struct name_list *l)
{
    if (l->n > 0)
        log_warn("%zu picture%s a colour profile that is not applied: %s; convert to sRGB where "
                 "colours matter",
                 l->n, l->n == 1 ? " has" : "s have", name_list_text(l));
}

const char *name_list_text(struct name_list *l)
{
    size_t used = strlen(l->text);
    if (l->n > NAMES_SHOWN && !l->complete)
        snprintf(l->text + used, sizeof l->text - used, " and %zu more", l->n - NAMES_SHOWN);
    l->complete = true;
    return l->text;
}
