/*
 * Lists what lies directly in a folder of pictures.
 *
 *     struct picture_folder f;
 *     if (picture_folder_list("photos", &f, &em) == ST_OK)
 *         for (size_t i = 0; i < f.n; i++)
 *             if (f.entries[i].picture)
 *                 puts(f.entries[i].name);
 *     picture_folder_release(&f);
 *
 * Pictures are files whose contents are JPEG, PNG or BMP, whatever their name, and files whose
 * names say so, whatever their contents: opening these gives the reason why they cannot be read.
 * Never listed: files that systems keep beside pictures (dot files, Thumbs.db, desktop.ini,
 * __MACOSX and the like), and the contact sheets of pack and extract.
 */
#ifndef BIFRONS_DATA_PICTURE_FOLDER_H
#define BIFRONS_DATA_PICTURE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "data/file_kind.h"

struct folder_entry {
    char *name; /* as the system has it */
    bool picture;
    bool own;                     /* not a picture, but used: a special, consent.txt, person.txt */
    const struct file_kind *kind; /* of entries that are not pictures */
};

struct picture_folder {
    struct folder_entry *entries; /* sorted by the bytes of their names */
    size_t n;
};

/* ST_NOINPUT: no such folder, or not readable; ST_MEMORY. */
enum status picture_folder_list(const char *folder, struct picture_folder *out,
                                struct errmsg *em) MUST_CHECK;
void picture_folder_release(struct picture_folder *f);

/* Side data that belongs to pictures: the folders masks and truth, and lists. */
enum folder_special {
    FOLDER_MASKS,
    FOLDER_TRUTH,
    FOLDER_LANDMARKS,
    FOLDER_POINTS,
    FOLDER_FACES,
    FOLDER_IDENTITY,
    FOLDER_SPECIALS
};
/* Found in any case and Unicode form; the exact name goes first. NULL: not there. */
const struct folder_entry *picture_folder_special(const struct picture_folder *f,
                                                  enum folder_special which);
bool folder_entry_is_folder(const struct folder_entry *e);
/* Was the folder written by bifrons extract? (It has faces.csv.) */
bool picture_folder_extracted(const char *folder);

/* Up to five names, then a number: "a.png, b.png and 7 more". */
struct name_list {
    size_t n; /* names added */
    bool complete;
    char text[1400];
};
void name_list_add(struct name_list *l, const char *name);
/* Adds "PATH (PROFILE)"; nothing if the profile is "": struct picture's, which was not applied. */
void name_list_add_profile(struct name_list *l, const char *path, const char *profile);
/* Warns of the pictures added so, if there are any; call after all are added. */
void name_list_warn_profiles(struct name_list *l);
/* The text; call after all names are added. Borrowed. */
const char *name_list_text(struct name_list *l);

/* Adds "name (7)" if a folder inside the folder has 7 files with names of pictures, in it or below
 * it; it looks at up to 100,000 entries. ST_NOINPUT: the path is too long. */
enum status picture_folder_look_inside(const char *folder, const char *name,
                                       struct name_list *found, struct errmsg *em) MUST_CHECK;

#endif
