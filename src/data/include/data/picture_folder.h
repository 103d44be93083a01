/*
 * What lies directly in a folder of pictures.
 *
 *     struct picture_folder f;
 *     if (picture_folder_list("photos", &f, &em) == ST_OK)
 *         for (size_t i = 0; i < f.n; i++)
 *             if (f.entries[i].picture)
 *                 puts(f.entries[i].name);
 *     picture_folder_release(&f);
 *
 * Pictures are the files whose contents are JPEG, PNG or BMP, whatever they are called, and the
 * files that are called like such pictures, whatever they hold: opening these tells what is wrong
 * with them. What a system keeps beside pictures is never listed: dot files, Thumbs.db,
 * desktop.ini, __MACOSX and the like; nor is the contact sheet that pack leaves beside a set.
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
    bool own; /* not a picture, and of use: a special, consent.txt, person.txt */
    const struct file_kind *kind; /* of what is no picture */
};

struct picture_folder {
    struct folder_entry *entries; /* by the bytes of their names */
    size_t n;
};

/* ST_NOINPUT no such folder, or no right to read it; ST_MEMORY. */
enum status picture_folder_list(const char *folder, struct picture_folder *out,
                                struct errmsg *em) MUST_CHECK;
void picture_folder_release(struct picture_folder *f);

/* What has a place of its own among pictures: the folders masks and truth, the files landmarks.csv
 * and points.csv. */
enum folder_special {
    FOLDER_MASKS,
    FOLDER_TRUTH,
    FOLDER_LANDMARKS,
    FOLDER_POINTS,
    FOLDER_SPECIALS
};
/* It is found by any case and Unicode form; the exact name goes first. NULL: it is not there. */
const struct folder_entry *picture_folder_special(const struct picture_folder *f,
                                                  enum folder_special which);
bool folder_entry_is_folder(const struct folder_entry *e);

/* Up to five names as people list them, the rest as a number: "a.png, b.png and 7 more". */
struct name_list {
    size_t n; /* all that were added */
    bool complete;
    char text[1400];
};
void name_list_add(struct name_list *l, const char *name);
/* The text, once all names are added; borrowed. */
const char *name_list_text(struct name_list *l);

/* Adds "name (7)" for a folder inside the folder with so many files that are called like pictures,
 * in it and in folders inside it, of up to 100,000 entries. ST_NOINPUT: the path is too long. */
enum status picture_folder_look_inside(const char *folder, const char *name,
                                       struct name_list *found, struct errmsg *em) MUST_CHECK;

#endif
