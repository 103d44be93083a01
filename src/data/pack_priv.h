/* What lies in the folders to pack: shared by the files of data/pack.h. */
#ifndef BIFRONS_DATA_PACK_PRIV_H
#define BIFRONS_DATA_PACK_PRIV_H

#include <stdint.h>

#include "data/pack.h"
#include "data/picture.h"
#include "data/set.h"

enum { PACK_FILE_BYTES_MAX = 1 << 30 };

/* The side data that pictures of their own hold. */
enum pack_side { PACK_MASK, PACK_TRUTH, PACK_SIDES };

struct pack_item {
    char *path, *name; /* name in NFC, without its folder */
    char *side_path[PACK_SIDES];
    bool has_landmarks;
    float landmarks[SET_LANDMARKS][2]; /* of the source picture, upright */
    float stored_landmarks[SET_LANDMARKS][2], matrix[2][3];
    uint64_t hash, side_hash[PACK_SIDES]; /* of file bytes; 0: none */
    bool good, side_good[PACK_SIDES];
    char *reason; /* why not good */
    bool has_profile;
    char profile[PICTURE_PROFILE_BYTES]; /* a colour profile that is not applied */
};

struct pack_source {
    struct pack_item *items;
    size_t n, capacity;
    char person[SET_NAME_BYTES_MAX], consent[SET_TEXT_BYTES_MAX];
};

/* Lists the folders, reads landmarks, person and consent; opens no picture. ST_NOINPUT, ST_USAGE
 * where there is no consent, ST_DATA, ST_MEMORY. */
enum status pack_source_init(struct pack_source *s, const struct pack_options *o,
                             struct errmsg *em) MUST_CHECK;
void pack_source_release(struct pack_source *s);

/* Reads a file and hashes its bytes. bytes_out may be NULL. */
enum status pack_read(const char *path, uint8_t **bytes_out, size_t *n_out, uint64_t *hash_out,
                      struct errmsg *em) MUST_CHECK;
/* Hash of all names and contents; needs the items' hashes. */
void pack_source_hash(const struct pack_source *s, char out[static 33]);

/* landmarks.csv of one folder, for the items from `first` on. No such file is fine. ST_DATA. */
enum status pack_landmarks_read(struct pack_source *s, size_t first, const char *folder,
                                struct errmsg *em) MUST_CHECK;

#endif
