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

struct pack_item {
    char *path, *name; /* name in NFC, without its folder */
    char *side_path[PACK_SIDES];
    int width, height, side_width[PACK_SIDES], side_height[PACK_SIDES]; /* 0: unreadable */
    struct pack_mask mask;
    bool has_landmarks, landmarks_are_shares, landmarks_outside;
    size_t landmarks_line;             /* of landmarks.csv */
    float landmarks[SET_LANDMARKS][2]; /* of the source picture, upright */
    float stored_landmarks[SET_LANDMARKS][2], matrix[2][3];
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

/* Lists the folders, reads landmarks, person and consent; opens no picture. What it finds and does
 * not use is noted in the report. ST_NOINPUT, ST_USAGE where there is no consent, ST_DATA,
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

/* --- pack_sides.c, pack_landmarks.c ----------------------------------------------------------- */

/* Pictures of a folder of side data, for the items from `first` on. ST_NOINPUT, ST_MEMORY. */
enum status pack_sides_find(struct pack_source *s, size_t first, const char *folder,
                            enum pack_side side, struct errmsg *em) MUST_CHECK;
/* A landmarks.csv, likewise. ST_DATA names the line. */
enum status pack_landmarks_read(struct pack_source *s, size_t first, const char *path,
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
/* Pictures that are there more than once, landmarks outside of their picture. ST_MEMORY. */
enum status pack_note_copies(struct pack_source *s, struct errmsg *em) MUST_CHECK;
/* Colour profiles: they are not applied. One note for all. */
enum status pack_note_profiles(struct pack_source *s, struct errmsg *em) MUST_CHECK;
enum status pack_note_landmarks(struct pack_source *s, struct errmsg *em) MUST_CHECK;

#endif
