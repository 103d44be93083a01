/* The contents of the folders to pack; shared by the files of data/pack.h. */
#ifndef BIFRONS_DATA_PACK_PRIV_H
#define BIFRONS_DATA_PACK_PRIV_H

#include <stdint.h>

#include "data/left_files.h"
#include "data/pack.h"
#include "data/picture.h"
#include "data/picture_folder.h"
#include "data/set.h"

enum { PACK_FILE_BYTES_MAX = 1 << 30 };

/* Side data in pictures of its own. */
enum pack_side { PACK_MASK, PACK_TRUTH, PACK_SIDES };

/* Values of a mask before it is resized. */
struct pack_mask {
    uint8_t least, largest;
    uint8_t unit; /* v, if the mask has only 0 and v < 255 and was stretched to 0 and 255; else 0 */
    bool coloured;
};

/* Side data in rows of a table: places in the picture. */
enum pack_marks { PACK_LANDMARKS, PACK_POINTS, PACK_MARKS };

struct pack_places {
    float (*at)[2]; /* in the upright source picture, or shares of its size; NULL: no row */
    bool shares;
    size_t line; /* of the table */
};

/* What faces.csv and identity.csv know of a face. */
struct pack_face {
    float pose[SET_ANGLES]; /* NaN: not known, as the time */
    double time;
    char *source;    /* NULL: no row in faces.csv */
    float *identity; /* (128); NULL: no row in identity.csv */
};

/* The same, to store. */
struct pack_face_row {
    float pose[SET_ANGLES], identity[SET_IDENTITY_NUMBERS];
    double time;
    const char *source;
};

struct pack_item {
    char *path, *name; /* name in NFC, without its folder */
    char *side_path[PACK_SIDES];
    int width, height, side_width[PACK_SIDES], side_height[PACK_SIDES]; /* 0: unreadable */
    struct pack_mask mask;
    struct pack_places places[PACK_MARKS];
    struct pack_face face;
    float matrix[2][3];                   /* upright source picture to stored picture */
    uint64_t hash, side_hash[PACK_SIDES]; /* of file bytes; 0: none */
    uint64_t stored_hash;                 /* of the stored pixels */
    bool good, side_good[PACK_SIDES];
    char *side_reason[PACK_SIDES]; /* why it cannot be read; NULL: not known */
    char *reason;                  /* why it is not good */
    const struct file_kind *kind;  /* what a file that is not good is; NULL: not known */
    bool generated; /* its mark or note says: a composite, or drawn by an algorithm */
    char profile[PICTURE_PROFILE_BYTES]; /* a colour profile that was not applied; "": none */
};

struct pack_source {
    struct pack_item *items;
    size_t n, capacity;
    struct left_files left;
    struct pack_report *report; /* gets notes */
    bool no_identity;
    char person[SET_NAME_BYTES_MAX], consent[SET_TEXT_BYTES_MAX];
};

/* --- pack_source.c ---------------------------------------------------------------------------- */

/* Lists the folders and reads landmarks, points, person and consent; opens no picture. Adds notes
 * about files that are not used. ST_NOINPUT; ST_USAGE: no consent; ST_DATA; ST_MEMORY. */
enum status pack_source_init(struct pack_source *s, const struct pack_options *o,
                             struct pack_report *report, struct errmsg *em) MUST_CHECK;
void pack_source_release(struct pack_source *s);
/* Adds a picture of a folder. ST_NOINPUT: the path is too long; ST_DATA: too many; ST_MEMORY. */
enum status pack_source_add(struct pack_source *s, const char *folder, const char *file,
                            struct errmsg *em) MUST_CHECK;

/* Reads a file and hashes its bytes. bytes_out may be NULL. */
enum status pack_read(const char *path, uint8_t **bytes_out, size_t *n_out, uint64_t *hash_out,
                      struct errmsg *em) MUST_CHECK;
/* Hash of all names and contents; needs the items' hashes. */
void pack_source_hash(const struct pack_source *s, char out[static 33]);

/* --- pack_names.c ----------------------------------------------------------------------------- */

/* Converts to valid UTF-8 in form NFC without control characters; invalid parts become '?'. False:
 * out of memory. */
bool pack_clean_text(const char *raw, char *out, size_t room) MUST_CHECK;

/* Something that names a picture: a mask's file, a row of landmarks.csv. */
struct pack_claim {
    const char *name; /* in NFC */
    bool fits;        /* there is such a picture */
    size_t n_taken;   /* pictures it was assigned to; 0 although it fits: others came first */
};

/*
 * Assigns claims to the items from `first` on by name. owner[i]: 1 + the number of the claim for
 * item first + i, or 0: none; items with an owner keep it. Names are compared in NFC, first
 * exactly, then ignoring case; earlier claims go first. stem: compare without extension. ST_MEMORY.
 */
enum status pack_match(const struct pack_source *s, size_t first, bool stem,
                       struct pack_claim *claims, size_t n, size_t *owner,
                       struct errmsg *em) MUST_CHECK;
/* Are two names equal, ignoring case and Unicode form? */
bool pack_same_name(const char *a, const char *b);

/* --- pack_sides.c ----------------------------------------------------------------------------- */

/* Assigns the pictures of a folder of side data to the items from `first` on. ST_NOINPUT,
 * ST_MEMORY. */
enum status pack_sides_find(struct pack_source *s, size_t first, const char *folder,
                            enum pack_side side, struct errmsg *em) MUST_CHECK;

/* --- pack_table.c ----------------------------------------------------------------------------- */

struct pack_marks_kind {
    const char *name, *file;
    int points;
    bool gaps; /* numbers may be missing: NaN */
    const char *wanted;
};
extern const struct pack_marks_kind pack_marks_kinds[PACK_MARKS];

struct pack_row {
    char *name;     /* in NFC, without its folder */
    float *numbers; /* (points, 2) */
    size_t line;
    int more;     /* surplus numbers between the name and these */
    bool dropped; /* not to be used */
};

struct pack_table {
    const char *path;
    const struct pack_marks_kind *kind;
    struct pack_row *rows;
    size_t n;
};

/* ST_DATA names the line; ST_NOINPUT, ST_IO, ST_MEMORY. */
enum status pack_table_read(struct pack_table *t, enum pack_marks which, const char *path,
                            struct errmsg *em) MUST_CHECK;
void pack_table_release(struct pack_table *t);

/* --- pack_marks.c ----------------------------------------------------------------------------- */

/* Assigns the rows of landmarks.csv or points.csv to the items from `first` on. ST_DATA names the
 * line. */
enum status pack_marks_read(struct pack_source *s, size_t first, enum pack_marks which,
                            const char *path, struct errmsg *em) MUST_CHECK;
/* Sets the size of the item's picture, and its matrix to a stored picture of size x size. */
void pack_item_measure(struct pack_item *item, int width, int height, int size);
/* Does a point lie outside of the picture? The item has a known size and a row. */
bool pack_places_outside(const struct pack_item *item, enum pack_marks which);
/* The points in the stored picture, pixel centre to pixel centre; NaN: the item has no row. */
void pack_places_stored(const struct pack_item *item, enum pack_marks which, float (*out)[2]);

/* --- pack_points.c ---------------------------------------------------------------------------- */

/* Checks the rows of points.csv for exchanged left and right points. ST_DATA names the first such
 * row if most rows are wrong; otherwise these rows are dropped and noted. Also notes points with
 * only one coordinate. */
enum status pack_points_look(struct pack_source *s, struct pack_table *t,
                             struct errmsg *em) MUST_CHECK;
/* Like pack_places_stored, but NaN for points that are too far from the picture. */
void pack_points_stored(const struct pack_item *item, int size, float out[FACE_POINTS][2]);
/* Notes pictures without points, and points that are not used. *usable_out: at least one point is
 * known. ST_DATA: points do not agree with the landmarks that are stored, too. ST_MEMORY. */
enum status pack_points_judge(struct pack_source *s, int size, bool landmarks, bool *usable_out,
                              struct errmsg *em) MUST_CHECK;

/* --- pack_faces.c ----------------------------------------------------------------------------- */

/* Gives the rows of faces.csv (identity: of identity.csv) to the items from `first` on. ST_DATA
 * names the line. */
enum status pack_faces_read(struct pack_source *s, size_t first, const char *path, bool identity,
                            struct errmsg *em) MUST_CHECK;
void pack_face_release(struct pack_face *f); /* leaves {0} behind */
/* 0: nothing is known of the face. */
uint64_t pack_face_hash(const struct pack_item *item);
/* out->source is borrowed from the item. */
void pack_face_stored(const struct pack_item *item, struct pack_face_row *out);
/* Sets pose, identity, source and time, where a good item has them. */
void pack_faces_describe(const struct pack_source *s, struct set_description *d);

/* --- pack_mask.c ------------------------------------------------------------------------------ */

/* Reads a mask's values; if they are only 0 and v, stretches them to 0 and 255. */
struct pack_mask pack_mask_take(struct picture *mask);
/* Notes unusual masks. *unstretch_out: not all masks had only 0 and v, so undo the stretching;
 * *usable_out: at least one mask marks a face. ST_MEMORY. */
enum status pack_masks_judge(struct pack_source *s, bool *unstretch_out, bool *usable_out,
                             struct errmsg *em) MUST_CHECK;
void pack_mask_unstretch(const struct pack_mask *m, uint8_t *pixels, size_t n);

/* --- pack_notes.c ----------------------------------------------------------------------------- */

/* Adds to the report's notes. ST_MEMORY. */
enum status pack_note_add(struct pack_report *r, bool minor, const char *path, struct errmsg *em,
                          const char *fmt, ...) PRINTF_LIKE(5, 6) MUST_CHECK;
/* Names all pictures that cannot be used in the report. ST_DATA: there is one, and strict;
 * ST_NOINPUT: no picture can be used; ST_MEMORY. */
enum status pack_note_skipped(struct pack_source *s, const struct pack_options *o,
                              struct errmsg *em) MUST_CHECK;
/* Notes the files left out, by kind. ST_MEMORY. */
enum status pack_note_left(struct pack_source *s, struct errmsg *em) MUST_CHECK;
/* *complete_out: every picture has this kind of side data (PACK_SIDES: landmarks). If only some
 * have it, notes the others. ST_MEMORY. */
enum status pack_note_side(struct pack_source *s, int kind, bool *complete_out,
                           struct errmsg *em) MUST_CHECK;
/* pack_note_copies: pictures that are there more than once. pack_note_outside: places outside of
 * their picture. ST_MEMORY. */
enum status pack_note_copies(struct pack_source *s, struct errmsg *em) MUST_CHECK;
/* Notes colour profiles, which are not applied, in one note. */
enum status pack_note_profiles(struct pack_source *s, struct errmsg *em) MUST_CHECK;
/* A set does not say which of its pictures were generated. */
enum status pack_note_generated(struct pack_source *s, struct errmsg *em) MUST_CHECK;
enum status pack_note_outside(struct pack_source *s, enum pack_marks which,
                              struct errmsg *em) MUST_CHECK;
/* Notes pictures that are not square, more than twice as large as `size`, and without side data:
 * whole photographs, probably. If there are none, notes that no picture has side data. ST_MEMORY.
 */
enum status pack_note_uncut(struct pack_source *s, int size, struct errmsg *em) MUST_CHECK;

#endif
