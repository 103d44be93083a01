/* Shared by the files of the set reader: the format's names, and the metadata of an open file. */
#ifndef BIFRONS_DATA_SET_PRIV_H
#define BIFRONS_DATA_SET_PRIV_H

#include <hdf5.h>

#include "data/set.h"

#define SET_FORMAT_NAME "bifrons-faces"

enum { SET_PICTURES_MAX = 100 * 1000 * 1000, SET_SIDE_MAX = 16384, SET_ALIGNMENT = 4096 };

/* The datasets with a row for each picture. */
enum set_part {
    SET_IMAGES,
    SET_MASKS,
    SET_TRUTH,
    SET_LANDMARK_POINTS,
    SET_FACE_POINTS,
    SET_MATRIX,
    SET_HASHES,
    SET_POSE,
    SET_IDENTITY,
    SET_SOURCE,
    SET_TIME,
    SET_NAMES,
    SET_PARTS
};

struct set_layout {
    const char *name, *what;
    int rank; /* dimensions; the first is N, those equal to the side are 0 */
    hsize_t dims[4];
    H5T_class_t kind;
    size_t element; /* bytes; 0: strings of any length */
};
extern const struct set_layout set_layouts[SET_PARTS];

struct set_part_file {
    hid_t dataset;    /* < 0: absent */
    size_t row_bytes; /* in memory */
    int64_t offset;   /* of the first row in the file; -1: read by libhdf5 */
};

/* Attributes of the root as text; "" if absent. */
struct set_texts {
    char person[SET_TEXT_BYTES_MAX], consent[SET_TEXT_BYTES_MAX], creator[SET_NAME_BYTES_MAX],
        created[SET_NAME_BYTES_MAX], source_hash[SET_NAME_BYTES_MAX];
};

struct set_file {
    hid_t file;
    int64_t n;
    int size;
    struct set_part_file part[SET_PARTS];
    struct set_texts texts;
    char *names;     /* one after the other */
    size_t *name_at; /* (n): where each begins */
};

static inline const char *set_file_name(const struct set_file *f, int64_t row)
{
    return f->names + f->name_at[row];
}

/* Opens the file and reads all metadata. libhdf5 may crash: run set_probe first. */
enum status set_file_open(const char *path, struct set_file *out, struct errmsg *em) MUST_CHECK;
void set_file_release(struct set_file *f);

/* Reads rows [row, row + n) of a part as `type`; false: the file is damaged. */
bool set_file_read_rows(const struct set_file *f, enum set_part p, int64_t row, int64_t n,
                        hid_t type, void *out) MUST_CHECK;

/* The open file of a set, borrowed. */
const struct set_file *set_get_file(const struct set *s);

/* Reads the strings of rows [row, row + n) of SET_SOURCE or SET_NAMES to out[n][room]; cuts them to
 * room. */
bool set_file_read_texts(const struct set_file *f, enum set_part p, int64_t row, int64_t n,
                         char *out, size_t room) MUST_CHECK;

/* Reads all rows of /pose, /identity, /time and /source, where there are any. ST_DATA names the row
 * of a number that cannot be; ST_MEMORY. */
enum status set_faces_check(const struct set_file *f, const char *path,
                            struct errmsg *em) MUST_CHECK;
/* Reads all points, if there are any, and compares them with the landmarks. ST_DATA names the row;
 * ST_MEMORY. */
enum status set_points_check(const struct set_file *f, const char *path,
                             struct errmsg *em) MUST_CHECK;

/*
 * Runs set_file_open, set_points_check and set_faces_check in a child process with a deadline,
 * and returns the result. ST_DATA also if the child crashed or hung.
 */
enum status set_probe(const char *path, struct errmsg *em) MUST_CHECK;

#endif
