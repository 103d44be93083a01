/*
 * A person's set of pictures: one HDF5 file, person.h5, format "bifrons-faces" version 1.
 *
 *   /images     uint8   (N, H, W, 3)  RGB; written contiguous and 4096-aligned
 *   /names      string  (N)           UTF-8, fixed length when written by us
 *   /xxh3       uint64  (N)           XXH3-64, seed 0, of each row's H*W*3 bytes   (optional)
 *   /masks      uint8   (N, H, W)     255 = face                                  (optional)
 *   /landmarks  float32 (N, 5, 2)     x y at pixel centres: eyes, nose, mouth ends (optional)
 *   /points     float32 (N, 70, 2)    x y at pixel centres, in the order of base/points.h; NaN:
 *                                     not known                                   (optional)
 *   /matrix     float32 (N, 2, 3)     upright source picture to stored picture    (optional)
 *   /truth      uint8   (N, H, W, 3)  the other person, all else equal            (optional)
 *   attributes of /: format, format_version, creator, created, person, consent, source_hash
 *
 * Points may lie outside of the stored picture, by up to SET_POINT_REACH of its sides; one with a
 * single NaN is not known. Where there are points and no landmarks, the landmarks are the points'
 * own (points_landmarks in data/points.h). Where there are both, they must agree: each landmark
 * within POINTS_TOLERANCE of the points'. Points are looked at when a set is opened.
 *
 * H = W. Strings are read fixed or variable-length. Unknown datasets are ignored. Layout of /images
 * and /truth may be contiguous or chunked, compressed too. `pack` writes FILE.xxh3 beside the file:
 * the XXH3-128 of all its bytes, in the format of `xxhsum -H128`.
 *
 * Opening an untrusted set is safe: it is tried first in a child process with a deadline, since
 * libhdf5 itself crashes or hangs on some damaged files.
 *
 * Rows of contiguous datasets are read with pread at their place in the file, others by libhdf5;
 * nothing is mapped. A file that is cut short or whose disk fails while it is in use is then a
 * status here, where touching a mapped page would be a SIGBUS; and a mapping would save nothing, as
 * rows are copied into batches and ranks of a node share the page cache either way.
 *
 * One thread at a time may use a struct set.
 */
#ifndef BIFRONS_DATA_SET_H
#define BIFRONS_DATA_SET_H

#include <stdint.h>

#include "base/points.h"
#include "base/status.h"

enum {
    SET_FORMAT_VERSION = 1,
    SET_NAME_BYTES_MAX = 256,
    SET_TEXT_BYTES_MAX = 4096, /* consent and the like */
    SET_LANDMARKS = 5,
    SET_POINT_REACH = 8,
};

struct set;

/* What a set says of itself; strings live as long as the set. */
struct set_info {
    int64_t n;                                                      /* pictures */
    int size;                                                       /* H = W */
    const char *person, *consent, *creator, *created, *source_hash; /* "" where absent */
    bool has_hashes, has_masks, has_landmarks, has_points, has_matrix, has_truth;
    bool landmarks_derived; /* has_landmarks, by the points: there is no /landmarks */
    bool direct;            /* /images is read at its place in the file, past libhdf5 */
    uint64_t fingerprint;   /* hash of all row hashes in order, and of size: the set's content */
};

/*
 * ST_NOINPUT cannot be opened (the system's reason), or no file but a folder, FIFO or device;
 * ST_DATA no HDF5 file (what it is instead), no set, damaged, truncated, or of a higher version.
 * Row hashes are computed where the file has none. Consent is not asked for here.
 */
enum status set_open(const char *path, struct set **out, struct errmsg *em) MUST_CHECK;
void set_free(struct set *s);

/* "1.10.8"; static. */
const char *set_library_version(void);

const struct set_info *set_get_info(const struct set *s);
const char *set_path(const struct set *s);
/* For a file that has been renamed since it was opened. ST_MEMORY: too long. */
enum status set_renamed(struct set *s, const char *path, struct errmsg *em) MUST_CHECK;
/* UTF-8 name of a row, borrowed. */
const char *set_name(const struct set *s, int64_t row);
/* N row hashes, borrowed. */
const uint64_t *set_hashes(const struct set *s);

/* A row by its hash. */
struct set_row_hash {
    uint64_t hash;
    int64_t row;
};
/* All N in the order of their hashes, of one hash in that of their rows; the caller's to free.
 * NULL: out of memory. */
struct set_row_hash *set_sorted_hashes(const struct set *s);

/* How a set's pictures changed, told by the hashes of their pixels: names do not count. */
struct set_change {
    int64_t added, gone;
};
/* ST_MEMORY. */
enum status set_compare(const struct set *before, const struct set *after, struct set_change *out,
                        struct errmsg *em) MUST_CHECK;

/* One row into the caller's memory: H*W*3, H*W, H*W*3 bytes, 10 and 140 floats. ST_IO;
 * ST_DATA damaged, or a set without that part. */
enum status set_read_image(struct set *s, int64_t row, uint8_t *out, struct errmsg *em) MUST_CHECK;
enum status set_read_mask(struct set *s, int64_t row, uint8_t *out, struct errmsg *em) MUST_CHECK;
enum status set_read_truth(struct set *s, int64_t row, uint8_t *out, struct errmsg *em) MUST_CHECK;
enum status set_read_landmarks(struct set *s, int64_t row, float out[SET_LANDMARKS][2],
                               struct errmsg *em) MUST_CHECK;
enum status set_read_points(struct set *s, int64_t row, float out[FACE_POINTS][2],
                            struct errmsg *em) MUST_CHECK;

/* Reads everything and compares row hashes, and the sidecar where there is one. ST_DATA names rows.
 */
enum status set_verify(struct set *s, struct errmsg *em) MUST_CHECK;

/* --- writing -------------------------------------------------------------------------------- */

struct set_description {
    int64_t n;
    int size;
    const char *person, *consent, *source_hash;
    bool masks, landmarks, points, matrix, truth;
};

/* One row to write; pointers for the absent parts are NULL. */
struct set_row {
    const char *name;
    const uint8_t *image, *mask, *truth;
    const float (*landmarks)[2]; /* (5, 2) */
    const float (*points)[2];    /* (70, 2) */
    const float (*matrix)[3];
};

struct set_writer;

/* Writes to a temporary file beside path. ST_IO; ST_USAGE where consent is empty. */
enum status set_writer_open(const char *path, const struct set_description *d,
                            struct set_writer **out, struct errmsg *em) MUST_CHECK;
/* Rows in any order, each once, from one thread. */
enum status set_writer_put(struct set_writer *w, int64_t row, const struct set_row *data,
                           struct errmsg *em) MUST_CHECK;
/* Makes file and sidecar durable under the final name. */
enum status set_writer_finish(struct set_writer *w, struct errmsg *em) MUST_CHECK;
/* Frees; without a successful finish nothing is left behind. NULL is fine. */
void set_writer_free(struct set_writer *w);

#endif
