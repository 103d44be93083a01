/* What lies in the folders to pack: shared by the files of data/pack.h. */
#ifndef BIFRONS_DATA_PACK_PRIV_H
#define BIFRONS_DATA_PACK_PRIV_H

#include <stdint.h>

#include "data/left_files.h"
#include "data/pack.h"
#include "data/picture.h"
#include "data/picture_folder.h"
#include "data/set.h"

enum { PACK_FILE_BYTES_MAX = 1 << 30 };

/* The side data that pictures of their own hold. */
enum pack_side { PACK_MASK, PACK_TRUTH, PACK_SIDES };

/* Values of a mask, before it is resized. */
struct pack_mask {
    uint8_t least, largest;
    uint8_t
        unit; /* v where it holds only 0 and v, v < 255, and was stretched to 0 and 255; else 0 */
    bool coloured;
};

/* The side data that rows of a table hold: places in the picture. */
enum pack_marks { PACK_LANDMARKS, PACK_POINTS, PACK_MARKS };

struct pack_places {
    float (*at)[2]; /* in the upright source picture, or shares of it; NULL: there is no row */
    bool shares;
    size_t line; /* of the table */
};

struct pack_item {
    char *path, *name; /* name in NFC, without its folder */
    char *side_path[PACK_SIDES];
    int width, height, side_width[PACK_SIDES], side_height[PACK_SIDES]; /* 0: unreadable */
    struct pack_mask mask;
    struct pack_places places[PACK_MARKS];
    float matrix[2][3];                   /* upright source picture to stored picture */
    uint64_t hash, side_hash[PACK_SIDES]; /* of file bytes; 0: none */
    uint64_t stored_hash;                 /* of the pixels as they are stored */
    bool good, side_good[PACK_SIDES];
    char *side_reason[PACK_SIDES]; /* why it is unreadable; NULL: not known */
    char *reason;                  /* why not good */
    const struct file_kind *kind;  /* not good: what the file is; NULL: not known */
    bool has_profile;
    char profile[PICTURE_PROFILE_BYTES]; /* a colour profile that is not applied */
};

struct pack_source {
    struct pack_item *items;
    size_t n, capacity;
    struct left_files left;
    struct pack_report *report; /* gets notes */
    char person[SET_NAME_BYTES_MAX], consent[SET_TEXT_BYTES_MAX];
};

/* --- pack_source.c ---------------------------------------------------------------------------- */

/* Lists the folders, reads landmarks, points, person and consent; opens no picture. What it finds
 * and does not use is noted in the report. ST_NOINPUT, ST_USAGE where there is no consent, ST_DATA,
 * ST_MEMORY. */
enum status pack_source_init(struct pack_source *s, const struct pack_options *o,
                             struct pack_report *report, struct errmsg *em) MUST_CHECK;
void pack_source_release(struct pack_source *s);

/* Reads a file and hashes its bytes. bytes_out may be NULL. */
enum status pack_read(const char *path, uint8_t **bytes_out, size_t *n_out, uint64_t *hash_out,
                      struct errmsg *em) MUST_CHECK;
/* Hash of all names and contents; needs the items' hashes. */
void pack_source_hash(const struct pack_source *s, char out[static 33]);

/* --- pack_names.c ----------------------------------------------------------------------------- */

/* Valid UTF-8 in form NFC without control characters; what does not belong becomes '?'. False: out
 * of memory. */
bool pack_clean_text(const char *raw, char *out, size_t room) MUST_CHECK;

/* Something that names a picture: the file of a mask, a row of landmarks.csv. */
struct pack_claim {
    const char *name; /* in NFC */
    bool fits;        /* there is such a picture */
    size_t n_taken;   /* pictures it was given to; 0 though it fits: others were first */
};

/*
 * Gives the items from `first` on to claims of their name: owner[i] is the number of the claim that
 * item first + i got, plus one, or 0; items that have one keep it. Names are compared in NFC, first
 * as they are, then without case; an earlier claim goes first. stem: without extension. ST_MEMORY.
 */
enum status pack_match(const struct pack_source *s, size_t first, bool stem,
                       struct pack_claim *claims, size_t n, size_t *owner,
                       struct errmsg *em) MUST_CHECK;
/* Are two names the same but for case and Unicode form? */
bool pack_same_name(const char *a, const char *b);

/* --- pack_sides.c ----------------------------------------------------------------------------- */

/* Pictures of a folder of side data, for the items from `first` on. ST_NOINPUT, ST_MEMORY. */
enum status pack_sides_find(struct pack_source *s, size_t first, const char *folder,
                            enum pack_side side, struct errmsg *em) MUST_CHECK;

/* --- pack_table.c ----------------------------------------------------------------------------- */

struct pack_marks_kind {
    const char *name, *file;
    int points;
    bool gaps; /* a number may be missing: NaN */
    const char *wanted;
};
extern const struct pack_marks_kind pack_marks_kinds[PACK_MARKS];

struct pack_row {
    char *name;     /* in NFC, without its folder */
    float *numbers; /* (points, 2) */
    size_t line;
    int more;     /* numbers between the name and these */
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

/* A landmarks.csv or points.csv, for the items from `first` on. ST_DATA names the line. */
enum status pack_marks_read(struct pack_source *s, size_t first, enum pack_marks which,
                            const char *path, struct errmsg *em) MUST_CHECK;
/* Of an item whose size is known and that has a row: does a point lie outside of the picture? */
bool pack_places_outside(const struct pack_item *item, enum pack_marks which);
/* Where the points lie in the stored picture, pixel centre to pixel centre; NaN without a row. */
void pack_places_stored(const struct pack_item *item, enum pack_marks which, float (*out)[2]);

/* --- pack_points.c ---------------------------------------------------------------------------- */

/* Left and right exchanged, in the rows of points.csv: ST_DATA names the first where most rows are
 * so; else these rows are dropped and noted. What is known in one coordinate only is noted, too. */
enum status pack_points_look(struct pack_source *s, struct pack_table *t,
                             struct errmsg *em) MUST_CHECK;
/* The same as stored: without what lies too far from the picture. */
void pack_points_stored(const struct pack_item *item, int size, float out[FACE_POINTS][2]);
/* Notes pictures without points, and points that are not used. *usable_out: at least one point is
 * known. ST_DATA: points and landmarks, where these are stored, too, do not agree. ST_MEMORY. */
enum status pack_points_judge(struct pack_source *s, int size, bool landmarks, bool *usable_out,
                              struct errmsg *em) MUST_CHECK;

/* --- pack_mask.c ------------------------------------------------------------------------------ */

/* Looks at a mask's values and stretches one of 0 and v only. */
struct pack_mask pack_mask_take(struct picture *mask);
/* Notes what is odd in the packed masks. *unstretch_out: they were not all of 0 and v, and such
 * masks count as they were; *usable_out: at least one marks a face. ST_MEMORY. */
enum status pack_masks_judge(struct pack_source *s, bool *unstretch_out, bool *usable_out,
                             struct errmsg *em) MUST_CHECK;
void pack_mask_unstretch(const struct pack_mask *m, uint8_t *pixels, size_t n);

/* --- pack_notes.c ----------------------------------------------------------------------------- */

/* Adds to the report's notes. ST_MEMORY. */
enum status pack_note_add(struct pack_report *r, bool minor, const char *path, struct errmsg *em,
                          const char *fmt, ...) PRINTF_LIKE(5, 6) MUST_CHECK;
/* Pictures that cannot be used: all named in the report. ST_DATA strict and there is one,
 * ST_NOINPUT no other, ST_MEMORY. */
enum status pack_note_skipped(struct pack_source *s, const struct pack_options *o,
                              struct errmsg *em) MUST_CHECK;
/* What was left, by kind. ST_MEMORY. */
enum status pack_note_left(struct pack_source *s, struct errmsg *em) MUST_CHECK;
/* Is a kind of side data (PACK_SIDES: landmarks) there for every picture? Those that lack it are
 * named where some have it. ST_MEMORY. */
enum status pack_note_side(struct pack_source *s, int kind, bool *complete_out,
                           struct errmsg *em) MUST_CHECK;
/* Pictures that are there more than once, marks outside of their picture. ST_MEMORY. */
enum status pack_note_copies(struct pack_source *s, struct errmsg *em) MUST_CHECK;
/* Colour profiles: they are not applied. One note for all. */
enum status pack_note_profiles(struct pack_source *s, struct errmsg *em) MUST_CHECK;
enum status pack_note_outside(struct pack_source *s, enum pack_marks which,
                              struct errmsg *em) MUST_CHECK;

#endif
