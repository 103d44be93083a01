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
 *   /pose       float32 (N, 3)        yaw, pitch, roll of the head in degrees      (optional)
 *   /identity   float32 (N, 128)      dlib's description of the face             (optional)
 *   /source     string  (N)           UTF-8: the file that the face was cut out of (optional)
 *   /time       float64 (N)           seconds from the start of that video         (optional)
 *   attributes of /: format, format_version, creator, created, person, consent, source_hash
 *
 * Points may lie outside of the stored picture, by up to SET_POINT_REACH of its sides. A point with
 * a single NaN counts as not known. Points and no landmarks: the landmarks follow from the points
 * (points_landmarks in data/points.h). Both: each landmark must lie within POINTS_TOLERANCE of the
 * one that follows from the points. All points are checked when a set is opened.
 *
 * Signs of /pose: yaw is positive if the person turns to the picture's right, pitch if up, roll if
 * clockwise. A row of /pose, /identity or /time with a NaN is not known, and so is an empty
 * /source. Infinite numbers and numbers out of range are refused when a set is opened. /identity is
 * biometric data: it can recognise the person in other pictures.
 *
 * H = W. Strings may have fixed or variable length. Unknown datasets are ignored. /images and
 * /truth may be contiguous, chunked or compressed. `pack` writes FILE.xxh3 beside the file: the
 * XXH3-128 of all its bytes, in the format of `xxhsum -H128`.
 *
 * Opening an untrusted set is safe. libhdf5 crashes or hangs on some damaged files, so a child
 * process with a deadline opens the file first.
 *
 * Rows of contiguous datasets are read with pread, others by libhdf5; nothing is mapped. If the
 * file is cut short or the disk fails during use, that is a status here; with a mapping it would be
 * a SIGBUS. Mapping would save nothing: rows are copied into batches, and the ranks of a node share
 * the page cache anyway.
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
    SET_ANGLES = 3,
    SET_IDENTITY_NUMBERS = 128,
};

struct set;

/* Facts about a set; strings live as long as the set. */
struct set_info {
    int64_t n;                                                      /* pictures */
    int size;                                                       /* H = W */
    const char *person, *consent, *creator, *created, *source_hash; /* "" where absent */
    bool has_hashes, has_masks, has_landmarks, has_points, has_matrix, has_truth;
    bool has_pose, has_identity, has_source, has_time;
    bool landmarks_derived;    /* the landmarks follow from the points; there is no /landmarks */
    bool direct;               /* /images is read with pread, not by libhdf5 */
    uint64_t fingerprint;      /* of the content: hash of all row hashes, in order, and of size */
    char fingerprint_text[17]; /* in hex */
};

/*
 * ST_NOINPUT: cannot be opened (with the system's reason), or a folder, FIFO or device. ST_DATA:
 * not an HDF5 file (with what it is), not a set, damaged, truncated, or of a newer version. Row
 * hashes are computed if the file has none. Consent is not checked here.
 */
enum status set_open(const char *path, struct set **out, struct errmsg *em) MUST_CHECK;
void set_free(struct set *s);

/* "1.10.8"; static. */
const char *set_library_version(void);

const struct set_info *set_get_info(const struct set *s);
const char *set_path(const struct set *s);
/* Tells the set the new path of its file, after a rename. ST_MEMORY: too long. */
enum status set_renamed(struct set *s, const char *path, struct errmsg *em) MUST_CHECK;
/* UTF-8 name of a row, borrowed. */
const char *set_name(const struct set *s, int64_t row);
/* N row hashes, borrowed. */
const uint64_t *set_hashes(const struct set *s);

/* N keys by which rows are held out (data/order.h): a hash of the video and its ten seconds, where
 * /source and /time are known, else the row's hash. ST_DATA: damaged; ST_MEMORY. */
enum status set_split_keys(struct set *s, uint64_t *keys, struct errmsg *em) MUST_CHECK;

/* A row by its hash. */
struct set_row_hash {
    uint64_t hash;
    int64_t row;
};
/* All N rows, sorted by hash, then by row; the caller frees them. NULL: out of memory. */
struct set_row_hash *set_sorted_hashes(const struct set *s);

/* How the pictures of a set changed. Pictures are compared by the hashes of their pixels, not by
 * names. */
struct set_change {
    int64_t added, gone;
};
/* ST_MEMORY. */
enum status set_compare(const struct set *before, const struct set *after, struct set_change *out,
                        struct errmsg *em) MUST_CHECK;

/* Copies one row to the caller's memory: H*W*3, H*W, H*W*3 bytes, 10 and 140 floats. ST_IO;
 * ST_DATA: damaged, or the set has no such part. */
enum status set_read_image(struct set *s, int64_t row, uint8_t *out, struct errmsg *em) MUST_CHECK;
enum status set_read_mask(struct set *s, int64_t row, uint8_t *out, struct errmsg *em) MUST_CHECK;
enum status set_read_truth(struct set *s, int64_t row, uint8_t *out, struct errmsg *em) MUST_CHECK;
enum status set_read_landmarks(struct set *s, int64_t row, float out[SET_LANDMARKS][2],
                               struct errmsg *em) MUST_CHECK;
enum status set_read_points(struct set *s, int64_t row, float out[FACE_POINTS][2],
                            struct errmsg *em) MUST_CHECK;
/* Likewise. All numbers of a row that is not known are NaN; an unknown source is "". */
enum status set_read_pose(struct set *s, int64_t row, float out[SET_ANGLES],
                          struct errmsg *em) MUST_CHECK;
enum status set_read_identity(struct set *s, int64_t row, float out[SET_IDENTITY_NUMBERS],
                              struct errmsg *em) MUST_CHECK;
enum status set_read_time(struct set *s, int64_t row, double *out, struct errmsg *em) MUST_CHECK;
enum status set_read_source(struct set *s, int64_t row, char out[SET_TEXT_BYTES_MAX],
                            struct errmsg *em) MUST_CHECK;

/* The mean of the rows of /identity that are known. */
struct set_identity {
    bool known; /* false: the set has none */
    float mean[SET_IDENTITY_NUMBERS];
};
/* ST_IO, ST_DATA. */
enum status set_mean_identity(struct set *s, struct set_identity *out,
                              struct errmsg *em) MUST_CHECK;
/* The distance of two means; NaN: one is not known. */
double set_identity_distance(const struct set_identity *a, const struct set_identity *b);
/* From this distance on, two means count as two people's; below it, as one person's. */
#define SET_PEOPLE_APART 0.45

/* The mean distance of the pupils as a fraction of a picture's side, which tells how closely the
 * faces were cut. *out: 0 if no points are known. ST_IO, ST_DATA. */
enum status set_pupil_distance(struct set *s, double *out, struct errmsg *em) MUST_CHECK;

/*
 * Hash of what training reads beside the pictures, which `fingerprint` covers: masks and true swaps
 * (of many, evenly spaced ones: they may be as large as the pictures), all landmarks and points.
 * ST_IO, ST_DATA, ST_MEMORY.
 */
enum { SET_HASHED_MAX = 1024 };
enum status set_hash_parts(struct set *s, uint64_t *out, struct errmsg *em) MUST_CHECK;

/* Reads the whole set and compares the row hashes, and the sidecar if there is one. ST_DATA names
 * rows. */
enum status set_verify(struct set *s, struct errmsg *em) MUST_CHECK;

/* --- writing -------------------------------------------------------------------------------- */

struct set_description {
    int64_t n;
    int size;
    const char *person, *consent, *source_hash;
    bool masks, landmarks, points, matrix, truth, pose, identity, source, time;
};

/* One row to write; pointers of parts that the set lacks are NULL. */
struct set_row {
    const char *name;
    const uint8_t *image, *mask, *truth;
    const float (*landmarks)[2]; /* (5, 2) */
    const float (*points)[2];    /* (70, 2) */
    const float (*matrix)[3];
    const float *pose;     /* (3) */
    const float *identity; /* (128) */
    const char *source;
    const double *time;
};

struct set_writer;

/* Opens a temporary file beside path. ST_IO; ST_USAGE: consent is empty. */
enum status set_writer_open(const char *path, const struct set_description *d,
                            struct set_writer **out, struct errmsg *em) MUST_CHECK;
/* Rows in any order, each once, from one thread. */
enum status set_writer_put(struct set_writer *w, int64_t row, const struct set_row *data,
                           struct errmsg *em) MUST_CHECK;
/* Writes file and sidecar to disk under their final names. */
enum status set_writer_finish(struct set_writer *w, struct errmsg *em) MUST_CHECK;
/* Frees; removes the temporary file unless finish succeeded. NULL is fine. */
void set_writer_free(struct set_writer *w);

#endif
