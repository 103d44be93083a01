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

/* The numeric parts; their rows stay in memory until the set is finished. */
#define NUMERIC(part, field)                                                           \
    {                                                                                  \
        part, offsetof(struct set_description, field), offsetof(struct set_row, field) \
    }
static const struct {
    enum set_part part;
    size_t wanted, data; /* where the bool and the pointer are */
} numeric[] = {
    NUMERIC(SET_LANDMARK_POINTS, landmarks),
    NUMERIC(SET_FACE_POINTS, points),
    NUMERIC(SET_MATRIX, matrix),
    NUMERIC(SET_POSE, pose),
    NUMERIC(SET_IDENTITY, identity),
    NUMERIC(SET_TIME, time),
};

struct set_writer {
    char path[PATH_BYTES_MAX], temporary[PATH_BYTES_MAX];
    struct set_description d;
    char *texts[3]; /* copies of person, consent, source_hash */
    hid_t file, images, masks, truth;
    char **names, **sources;           /* (n) */
    uint64_t *hashes;                  /* (n) */
    char *rows[ARRAY_LENGTH(numeric)]; /* (n) rows each; NULL: not wanted */
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

static bool is_wanted(const struct set_writer *w, size_t k)
{
    return *(const bool *)((const char *)&w->d + numeric[k].wanted);
}

/* Bytes of a row. */
static size_t row_bytes(size_t k)
{
    const struct set_layout *l = &set_layouts[numeric[k].part];
    size_t bytes = l->element;
    for (int i = 1; i < l->rank; i++)
        bytes *= (size_t)l->dims[i];
    return bytes;
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
    w->sources = calloc(n, sizeof *w->sources);
    w->hashes = calloc(n, sizeof *w->hashes);
    for (size_t k = 0; k < ARRAY_LENGTH(numeric); k++)
        if (is_wanted(w, k)) {
            w->rows[k] = calloc(n, row_bytes(k));
            good = good && w->rows[k];
        }
    return good && w->names && w->sources && w->hashes;
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

static bool keep_text(char **place, const char *text)
{
    free(*place);
    *place = strndup(text, SET_TEXT_BYTES_MAX - 1);
    return *place != NULL;
}

/* Keeps the numbers of a row. */
static void put_row_numbers(struct set_writer *w, size_t k, int64_t row, const struct set_row *data)
{
    const void *from;
    size_t bytes = row_bytes(k);
    memcpy(&from, (const char *)data + numeric[k].data, sizeof from);
    BUG_ON(!from);
    memcpy(w->rows[k] + (size_t)row * bytes, from, bytes);
}

enum status set_writer_put(struct set_writer *w, int64_t row, const struct set_row *data,
                           struct errmsg *em)
{
    BUG_ON(row < 0 || row >= w->d.n || !data->image);
    BUG_ON((w->d.masks && !data->mask) || (w->d.truth && !data->truth));
    BUG_ON(w->d.source && !data->source);
    size_t bytes = (size_t)w->d.size * (size_t)w->d.size * 3;
    if (!put_rows(w->images, row, data->image) ||
        (w->d.masks && !put_rows(w->masks, row, data->mask)) ||
        (w->d.truth && !put_rows(w->truth, row, data->truth)))
        return fail_write(w, em);
    w->hashes[row] = hash64(data->image, bytes, 0);
    for (size_t k = 0; k < ARRAY_LENGTH(numeric); k++)
        if (w->rows[k])
            put_row_numbers(w, k, row, data);
    if (!keep_text(&w->names[row], data->name) ||
        (w->d.source && !keep_text(&w->sources[row], data->source)))
        return FAIL(em, ST_MEMORY, "out of memory writing %s", w->path);
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

/* Writes strings of a fixed length, which is the length of the longest one. */
static bool put_texts(const struct set_writer *w, const char *name, char *const *texts)
{
    size_t n = (size_t)w->d.n, longest = 1;
    for (size_t i = 0; i < n; i++)
        longest = MAX(longest, texts[i] ? strlen(texts[i]) : 0);
    char *packed = calloc(n, longest);
    if (!packed)
        return false;
    for (size_t i = 0; i < n; i++)
        if (texts[i])
            memcpy(packed + i * longest, texts[i], strlen(texts[i]));
    hid_t type = text_type(longest);
    hsize_t dims[1] = {(hsize_t)n};
    bool good = put_whole(w->file, name, type, type, 1, dims, packed);
    H5Tclose(type);
    free(packed);
    return good;
}

static bool put_numbers(const struct set_writer *w, size_t k)
{
    const struct set_layout *l = &set_layouts[numeric[k].part];
    bool wide = l->element == sizeof(double);
    hsize_t dims[4];
    memcpy(dims, l->dims, sizeof dims);
    dims[0] = (hsize_t)w->d.n;
    return put_whole(w->file, l->name, wide ? H5T_IEEE_F64LE : H5T_IEEE_F32LE,
                     wide ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT, l->rank, dims, w->rows[k]);
}

static bool put_small_parts(const struct set_writer *w)
{
    const hsize_t n[1] = {(hsize_t)w->d.n};
    bool good = put_texts(w, set_layouts[SET_NAMES].name, w->names) &&
                put_whole(w->file, "/xxh3", H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, n, w->hashes) &&
                (!w->d.source || put_texts(w, set_layouts[SET_SOURCE].name, w->sources));
    for (size_t k = 0; k < ARRAY_LENGTH(numeric) && good; k++)
        good = !w->rows[k] || put_numbers(w, k);
    return good;
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
    for (int64_t i = 0; i < w->d.n; i++) {
        if (w->names)
            free(w->names[i]);
        if (w->sources)
            free(w->sources[i]);
    }
    for (size_t k = 0; k < ARRAY_LENGTH(numeric); k++)
        free(w->rows[k]);
    free(w->names);
    free(w->sources);
    free(w->hashes);
    free(w);
}
