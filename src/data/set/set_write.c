/* Writes a set to a temporary file, which gets the final name when it is complete. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/sidecar.h"
#include "base/version.h"
#include "set_priv.h"

struct set_writer {
    char path[PATH_BYTES_MAX], temporary[PATH_BYTES_MAX];
    struct set_description d;
    char *texts[3]; /* copies of person, consent, source_hash */
    hid_t file, images, masks, truth;
    char (*names)[SET_NAME_BYTES_MAX];    /* (n) */
    uint64_t *hashes;                     /* (n) */
    float (*landmarks)[SET_LANDMARKS][2]; /* (n) */
    float (*points)[FACE_POINTS][2];      /* (n) */
    float (*matrix)[2][3];                /* (n) */
    bool finished;
};

static enum status fail_write(const struct set_writer *w, struct errmsg *em)
{
    return FAIL(em, ST_IO, "cannot write %s (is the disk full?)", w->path);
}

static hid_t create_file(const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Pset_alignment(access, SET_ALIGNMENT, SET_ALIGNMENT);
    H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110);
    H5Pset_obj_track_times(create, false);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
    H5Pclose(create);
    H5Pclose(access);
    return file;
}

/* Contiguous, allocated now, without fill values and times: plain bytes at a known place. */
static hid_t create_dataset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dims)
{
    hid_t space = H5Screate_simple(rank, dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(list, H5D_CONTIGUOUS);
    H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
    H5Pset_obj_track_times(list, false);
    hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Pclose(list);
    H5Sclose(space);
    return dataset;
}

static bool create_parts(struct set_writer *w)
{
    hsize_t n = (hsize_t)w->d.n, side = (hsize_t)w->d.size, dims[4] = {n, side, side, 3};
    w->images = create_dataset(w->file, "/images", H5T_STD_U8LE, 4, dims);
    if (w->d.masks)
        w->masks = create_dataset(w->file, "/masks", H5T_STD_U8LE, 3, dims);
    if (w->d.truth)
        w->truth = create_dataset(w->file, "/truth", H5T_STD_U8LE, 4, dims);
    return w->images >= 0 && (!w->d.masks || w->masks >= 0) && (!w->d.truth || w->truth >= 0);
}

static bool allocate(struct set_writer *w)
{
    size_t n = (size_t)w->d.n;
    const char *const texts[3] = {w->d.person, w->d.consent, w->d.source_hash};
    bool good = true;
    for (int i = 0; i < 3; i++) {
        w->texts[i] = strdup(texts[i] ? texts[i] : "");
        good = good && w->texts[i];
    }
    w->names = calloc(n, sizeof *w->names);
    w->hashes = calloc(n, sizeof *w->hashes);
    w->landmarks = calloc(n, sizeof *w->landmarks);
    w->points = w->d.points ? calloc(n, sizeof *w->points) : NULL;
    w->matrix = calloc(n, sizeof *w->matrix);
    good = good && (w->points || !w->d.points);
    return good && w->names && w->hashes && w->landmarks && w->matrix;
}

enum status set_writer_open(const char *path, const struct set_description *d,
                            struct set_writer **out, struct errmsg *em)
{
    if (!d->consent || d->consent[0] == '\0')
        return FAIL(em, ST_USAGE, "a set needs a consent statement");
    if (d->n < 1 || d->n > SET_PICTURES_MAX || d->size < 1 || d->size > SET_SIDE_MAX)
        return FAIL(em, ST_USAGE, "%s: a set has 1 to %d pictures of 1 to %d px", path,
                    SET_PICTURES_MAX, SET_SIDE_MAX);
    enum status st = ST_OK;
    struct set_writer *w = calloc(1, sizeof *w);
    if (!w)
        return FAIL(em, ST_MEMORY, "out of memory writing %s", path);
    w->d = *d;
    w->file = w->images = w->masks = w->truth = -1;
    int length = snprintf(w->temporary, sizeof w->temporary, "%s.tmp.%ld", path, (long)getpid());
    if (!path_join(w->path, sizeof w->path, "", path) || length >= (int)sizeof w->temporary)
        st = FAIL(em, ST_IO, "path too long: %s", path);
    else if (!allocate(w))
        st = FAIL(em, ST_MEMORY, "out of memory writing %s", path);
    else if ((w->file = create_file(w->temporary)) < 0)
        st = FAIL(em, ST_IO, "cannot write %s: its folder is missing or not writable", path);
    else if (!create_parts(w))
        st = fail_write(w, em);
    if (st != ST_OK) {
        set_writer_free(w);
        return st;
    }
    *out = w;
    return ST_OK;
}

static bool put_rows(hid_t dataset, int64_t row, const void *data)
{
    hsize_t start[4] = {(hsize_t)row}, count[4];
    hid_t space = H5Dget_space(dataset);
    int rank = H5Sget_simple_extent_dims(space, count, NULL);
    count[0] = 1;
    hid_t memory = H5Screate_simple(rank, count, NULL);
    bool good = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                H5Dwrite(dataset, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, data) >= 0;
    H5Sclose(memory);
    H5Sclose(space);
    return good;
}

enum status set_writer_put(struct set_writer *w, int64_t row, const struct set_row *data,
                           struct errmsg *em)
{
    BUG_ON(row < 0 || row >= w->d.n || !data->image);
    BUG_ON((w->d.masks && !data->mask) || (w->d.truth && !data->truth));
    BUG_ON((w->d.landmarks && !data->landmarks) || (w->d.matrix && !data->matrix));
    BUG_ON(w->d.points && !data->points);
    size_t bytes = (size_t)w->d.size * (size_t)w->d.size * 3;
    if (!put_rows(w->images, row, data->image) ||
        (w->d.masks && !put_rows(w->masks, row, data->mask)) ||
        (w->d.truth && !put_rows(w->truth, row, data->truth)))
        return fail_write(w, em);
    snprintf(w->names[row], sizeof w->names[row], "%s", data->name);
    w->hashes[row] = hash64(data->image, bytes, 0);
    if (w->d.landmarks)
        memcpy(w->landmarks[row], data->landmarks, sizeof w->landmarks[row]);
    if (w->d.points)
        memcpy(w->points[row], data->points, sizeof w->points[row]);
    if (w->d.matrix)
        memcpy(w->matrix[row], data->matrix, sizeof w->matrix[row]);
    return ST_OK;
}

static hid_t text_type(size_t bytes)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, MAX(bytes, 1));
    H5Tset_cset(type, H5T_CSET_UTF8);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
}

static bool put_text(hid_t file, const char *name, const char *text)
{
    hid_t type = text_type(strlen(text)), space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, type, text) >= 0;
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    return good;
}

static bool put_version(hid_t file)
{
    const int version = SET_FORMAT_VERSION;
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute =
        H5Acreate2(file, "format_version", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_INT, &version) >= 0;
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return good;
}

static bool put_attributes(const struct set_writer *w)
{
    char created[32];
    clock_iso8601(created);
    return put_text(w->file, "format", SET_FORMAT_NAME) && put_version(w->file) &&
           put_text(w->file, "creator", "bifrons " BIFRONS_VERSION) &&
           put_text(w->file, "created", created) && put_text(w->file, "person", w->texts[0]) &&
           put_text(w->file, "consent", w->texts[1]) &&
           put_text(w->file, "source_hash", w->texts[2]);
}

static bool put_whole(hid_t file, const char *name, hid_t stored, hid_t memory, int rank,
                      const hsize_t *dims, const void *data)
{
    hid_t dataset = create_dataset(file, name, stored, rank, dims);
    bool good = dataset >= 0 && H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    if (dataset >= 0)
        H5Dclose(dataset);
    return good;
}

/* Writes the names as fixed-length strings, as long as the longest. */
static bool put_names(const struct set_writer *w)
{
    size_t n = (size_t)w->d.n, longest = 1;
    for (size_t i = 0; i < n; i++)
        longest = MAX(longest, strlen(w->names[i]));
    char *packed = calloc(n, longest);
    if (!packed)
        return false;
    for (size_t i = 0; i < n; i++)
        memcpy(packed + i * longest, w->names[i], strlen(w->names[i]));
    hid_t type = text_type(longest);
    hsize_t dims[1] = {(hsize_t)n};
    bool good = put_whole(w->file, "/names", type, type, 1, dims, packed);
    H5Tclose(type);
    free(packed);
    return good;
}

static bool put_small_parts(const struct set_writer *w)
{
    const hsize_t n = (hsize_t)w->d.n, hashes[1] = {n}, landmarks[3] = {n, SET_LANDMARKS, 2},
                  points[3] = {n, FACE_POINTS, 2}, matrix[3] = {n, 2, 3};
    return put_names(w) &&
           put_whole(w->file, "/xxh3", H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, hashes, w->hashes) &&
           (!w->d.landmarks || put_whole(w->file, "/landmarks", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 3,
                                         landmarks, w->landmarks)) &&
           (!w->d.points || put_whole(w->file, "/points", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 3,
                                      points, w->points)) &&
           (!w->d.matrix ||
            put_whole(w->file, "/matrix", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 3, matrix, w->matrix));
}

static bool close_file(struct set_writer *w)
{
    hid_t *const datasets[] = {&w->images, &w->masks, &w->truth};
    for (int i = 0; i < 3; i++) {
        if (*datasets[i] >= 0)
            H5Dclose(*datasets[i]);
        *datasets[i] = -1;
    }
    bool good = w->file < 0 || H5Fclose(w->file) >= 0;
    w->file = -1;
    return good;
}

enum status set_writer_finish(struct set_writer *w, struct errmsg *em)
{
    struct hash128 hash;
    bool good = put_small_parts(w) && put_attributes(w);
    if (!close_file(w) || !good)
        return fail_write(w, em);
    enum status st = hash128_file(w->temporary, &hash, em);
    if (st == ST_OK)
        st = sidecar_write(w->path, hash, em);
    if (st == ST_OK)
        st = file_commit(w->temporary, w->path, em);
    w->finished = st == ST_OK;
    return st;
}

void set_writer_free(struct set_writer *w)
{
    if (!w)
        return;
    close_file(w);
    if (!w->finished)
        unlink(w->temporary);
    for (int i = 0; i < 3; i++)
        free(w->texts[i]);
    free(w->names);
    free(w->hashes);
    free(w->landmarks);
    free(w->points);
    free(w->matrix);
    free(w);
}
