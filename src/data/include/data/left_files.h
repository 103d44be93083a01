/*
 * Files of a folder that are not used, grouped by what they are.
 *
 *     struct left_files l = {0};
 *     st = left_files_add(&l, "photos", "x.webp", kind, false, &em);
 *     for (struct left_note note; left_files_next(&l, &note);)
 *         log_warn("%s: %s", note.folder, note.text);
 *         // "photos: 2 WebP pictures left out (save them as JPEG or PNG): x.webp, y.webp"
 *     left_files_release(&l);
 */
#ifndef BIFRONS_DATA_LEFT_FILES_H
#define BIFRONS_DATA_LEFT_FILES_H

#include <stdbool.h>

#include "base/status.h"
#include "data/file_kind.h"
#include "data/picture_folder.h"

struct left_file {
    char *folder, *name;
    const struct file_kind *kind;
    bool side_data; /* side data, as in masks, not a picture */
    bool told;
};

struct left_files {
    struct left_file *list;
    size_t n;
};

/* ST_MEMORY. */
enum status left_files_add(struct left_files *l, const char *folder, const char *name,
                           const struct file_kind *kind, bool side_data,
                           struct errmsg *em) MUST_CHECK;
void left_files_release(struct left_files *l);

/* Number of pictures of other kinds, without side data. */
size_t left_files_pictures(const struct left_files *l);
/* Returns ST_NOINPUT for a folder without pictures. The message says what it holds instead (l),
 * what to do about each, and which folders inside it hold pictures. */
enum status left_files_no_pictures(const struct left_files *l, struct name_list *inside,
                                   const char *folder, struct errmsg *em) MUST_CHECK;

struct left_note {
    const char *folder; /* borrowed */
    bool minor;         /* not pictures or videos */
    char text[sizeof(struct name_list) + 200];
};
/* The next group of files of one folder and kind; false: no more. */
bool left_files_next(struct left_files *l, struct left_note *out);

#endif
