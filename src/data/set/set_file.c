/* Reads a set's HDF5 file: opens it, checks shapes and types, reads strings of fixed or variable
 * length. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/file.h"
#include "set_priv.h"

/* clang-format off */
const struct set_layout set_layouts[SET_PARTS] = {
    [SET_IMAGES]          = {"/images",    "images",     4, {0, 0, 0, 3},             H5T_INTEGER, 1},
    [SET_MASKS]           = {"/masks",     "masks",      3, {0, 0, 0},                H5T_INTEGER, 1},
    [SET_TRUTH]           = {"/truth",     "true swaps", 4, {0, 0, 0, 3},             H5T_INTEGER, 1},
    [SET_LANDMARK_POINTS] = {"/landmarks", "landmarks",  3, {0, SET_LANDMARKS, 2},    H5T_FLOAT,   4},
    [SET_FACE_POINTS]     = {"/points",    "points",     3, {0, FACE_POINTS, 2},      H5T_FLOAT,   4},
    [SET_MATRIX]          = {"/matrix",    "matrices",   3, {0, 2, 3},                H5T_FLOAT,   4},
    [SET_HASHES]          = {"/xxh3",      "hashes",     1, {0},                      H5T_INTEGER, 8},
    [SET_POSE]            = {"/pose",      "poses",      2, {0, SET_ANGLES},          H5T_FLOAT,   4},
    [SET_IDENTITY]        = {"/identity",  "identities", 2, {0, SET_IDENTITY_NUMBERS}, H5T_FLOAT,  4},
    [SET_SOURCE]          = {"/source",    "sources",    1, {0},                      H5T_STRING,  0},
    [SET_TIME]            = {"/time",      "times",      1, {0},                      H5T_FLOAT,   8},
    [SET_NAMES]           = {"/names",     "names",      1, {0},                      H5T_STRING,  0},
};
/* clang-format on */

const char *set_library_version(void)
{
    static char version[32];
    unsigned major = 0, minor = 0, release = 0;
    if (H5get_libversion(&major, &minor, &release) < 0)
        return "unknown";
    snprintf(version, sizeof version, "%u.%u.%u", major, minor, release);
    return version;
}

static void trim(char *text, size_t n)
{
    text[n] = '\0';
    for (size_t end = strlen(text); end > 0 && text[end - 1] == ' '; end--)
        text[end - 1] = '\0';
}

/* Copies one fixed-length string to out[out_bytes]. */
static void take_fixed(const char *bytes, size_t type_bytes, char *out, size_t out_bytes)
{
    size_t n = MIN(type_bytes, out_bytes - 1);
    memcpy(out, bytes, n);
    trim(out, n);
}

/* Text of an attribute of the root; false: absent, or not a single string. */
static bool read_text(hid_t file, const char *name, char *out, size_t out_bytes)
{
    bool good = false;
    hid_t attribute = H5Aexists(file, name) > 0 ? H5Aopen(file, name, H5P_DEFAULT) : -1;
    hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    out[0] = '\0';
    if (type < 0 || space < 0 || H5Tget_class(type) != H5T_STRING ||
        H5Sget_simple_extent_npoints(space) != 1)
        goto out;
    if (H5Tis_variable_str(type) > 0) {
        char *text = NULL;
        good = H5Aread(attribute, type, &text) >= 0 && text;
        if (good)
            take_fixed(text, strlen(text), out, out_bytes);
        if (text)
            H5free_memory(text);
    } else {
        size_t n = H5Tget_size(type);
        char *bytes = n < 1 << 20 ? calloc(1, n + 1) : NULL;
        good = bytes && H5Aread(attribute, type, bytes) >= 0;
        if (good)
            take_fixed(bytes, n, out, out_bytes);
        free(bytes);
    }
out:
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    return good;
}

static enum status check_format(hid_t file, const char *path, struct errmsg *em)
{
    char format[64];
    long long version = -1;
    if (!read_text(file, "format", format, sizeof format) || strcmp(format, SET_FORMAT_NAME) != 0)
        return FAIL(em, ST_DATA,
                    "%s is an HDF5 file but not a set of faces (its attribute \"format\" is not "
                    "\"" SET_FORMAT_NAME "\"); make one with bifrons pack",
                    path);
    hid_t attribute =
        H5Aexists(file, "format_version") > 0 ? H5Aopen(file, "format_version", H5P_DEFAULT) : -1;
    if (attribute >= 0) {
        hid_t space = H5Aget_space(attribute);
        if (H5Sget_simple_extent_npoints(space) != 1 ||
            H5Aread(attribute, H5T_NATIVE_LLONG, &version) < 0)
            version = -1;
        H5Sclose(space);
        H5Aclose(attribute);
    }
    if (version < 1)
        return FAIL(em, ST_DATA, "%s has no readable attribute \"format_version\"; pack it again",
                    path);
    if (version > SET_FORMAT_VERSION)
        return FAIL(em, ST_DATA,
                    "%s is of format version %lld, this program reads up to %d; use a newer "
                    "bifrons or pack it again",
                    path, version, SET_FORMAT_VERSION);
    return ST_OK;
}

/* Offset in the file if rows may be read directly (contiguous, unfiltered, of the type in memory);
 * else -1. */
static int64_t direct_offset(hid_t dataset, hid_t type, uintmax_t bytes, uintmax_t file_bytes)
{
    static const hid_t none = -1;
    hid_t list = H5Dget_create_plist(dataset);
    bool plain = list != none && H5Pget_layout(list) == H5D_CONTIGUOUS &&
                 H5Pget_nfilters(list) == 0 && H5Pget_external_count(list) == 0 &&
                 (H5Tequal(type, H5T_STD_U8LE) > 0 || H5Tequal(type, H5T_NATIVE_FLOAT) > 0);
    if (list >= 0)
        H5Pclose(list);
    haddr_t at = plain ? H5Dget_offset(dataset) : HADDR_UNDEF;
    if (at == HADDR_UNDEF || at > file_bytes || bytes > file_bytes - at)
        return -1;
    return (int64_t)at;
}

/* Does the dataset's shape match the layout? The images give N and side. */
static bool shape_fits(struct set_file *f, enum set_part p, const hsize_t *dims)
{
    if (p == SET_IMAGES) {
        if (dims[0] < 1 || dims[0] > SET_PICTURES_MAX || dims[1] < 1 || dims[1] > SET_SIDE_MAX ||
            dims[1] != dims[2])
            return false;
        f->n = (int64_t)dims[0];
        f->size = (int)dims[1];
    }
    for (int i = 0; i < set_layouts[p].rank; i++) {
        hsize_t want = set_layouts[p].dims[i];
        if (i == 0)
            want = (hsize_t)f->n;
        else if (want == 0)
            want = (hsize_t)f->size;
        if (dims[i] != want)
            return false;
    }
    return true;
}

/* "float32 (10, 70, 2)". */
static void describe(H5T_class_t kind, bool is_signed, size_t element, int rank,
                     const hsize_t *dims, char *out, size_t out_bytes)
{
    const char *name = kind == H5T_FLOAT     ? "float"
                       : kind != H5T_INTEGER ? NULL
                       : is_signed           ? "int"
                                             : "uint";
    int n = kind == H5T_STRING ? snprintf(out, out_bytes, "string (")
            : name             ? snprintf(out, out_bytes, "%s%zu (", name, 8 * element)
                               : snprintf(out, out_bytes, "of another type (");
    for (int i = 0; i < rank; i++)
        n += snprintf(out + n, out_bytes - (size_t)n, "%s%llu", i > 0 ? ", " : "",
                      (unsigned long long)dims[i]);
    snprintf(out + n, out_bytes - (size_t)n, ")");
}

static enum status refuse_part(const struct set_file *f, enum set_part p, const char *path,
                               hid_t type, hid_t space, struct errmsg *em)
{
    char found[160] = "unreadable", wanted[160];
    hsize_t dims[4] = {0}, want[4];
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (type >= 0 && rank >= 0 && rank <= 4 && H5Sget_simple_extent_dims(space, dims, NULL) >= 0)
        describe(H5Tget_class(type), H5Tget_sign(type) == H5T_SGN_2, H5Tget_size(type), rank, dims,
                 found, sizeof found);
    for (int i = 0; i < set_layouts[p].rank; i++)
        want[i] = i == 0                   ? (hsize_t)f->n
                  : set_layouts[p].dims[i] ? set_layouts[p].dims[i]
                                           : (hsize_t)f->size;
    describe(set_layouts[p].kind, false, set_layouts[p].element, set_layouts[p].rank, want, wanted,
             sizeof wanted);
    return p == SET_IMAGES
               ? FAIL(em, ST_DATA,
                      "%s: dataset %s is %s, not uint8 (N, side, side, 3); pack it again", path,
                      set_layouts[p].name, found)
               : FAIL(em, ST_DATA, "%s: dataset %s is %s, not %s; pack it again", path,
                      set_layouts[p].name, found, wanted);
}

static enum status open_part(struct set_file *f, enum set_part p, const char *path,
                             uintmax_t file_bytes, struct errmsg *em)
{
    const char *name = set_layouts[p].name;
    f->part[p].dataset = -1;
    if (H5Lexists(f->file, name, H5P_DEFAULT) <= 0)
        return p == SET_IMAGES
                   ? FAIL(em, ST_DATA, "%s has no dataset %s; pack it again", path, name)
                   : ST_OK;
    enum status st = ST_OK;
    hsize_t dims[4] = {0};
    hid_t dataset = H5Dopen2(f->file, name, H5P_DEFAULT);
    hid_t type = dataset >= 0 ? H5Dget_type(dataset) : -1;
    hid_t space = dataset >= 0 ? H5Dget_space(dataset) : -1;
    bool good = type >= 0 && space >= 0 && H5Tget_class(type) == set_layouts[p].kind &&
                (set_layouts[p].element == 0 || H5Tget_size(type) == set_layouts[p].element) &&
                H5Sget_simple_extent_ndims(space) == set_layouts[p].rank &&
                H5Sget_simple_extent_dims(space, dims, NULL) >= 0 && shape_fits(f, p, dims);
    if (!good) {
        st = refuse_part(f, p, path, type, space, em);
        goto out;
    }
    size_t row = set_layouts[p].element;
    for (int i = 1; i < set_layouts[p].rank; i++)
        row *= (size_t)dims[i];
    f->part[p] = (struct set_part_file){
        .dataset = dataset,
        .row_bytes = row,
        .offset = direct_offset(dataset, type, (uintmax_t)row * (uintmax_t)f->n, file_bytes),
    };
    dataset = -1;
out:
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (dataset >= 0)
        H5Dclose(dataset);
    return st;
}

/* Reads the n strings of `space`, of fixed or variable length, to out[n][out_bytes]. */
static bool copy_strings(hid_t dataset, hid_t type, hid_t memory, hid_t space, size_t n, char *out,
                         size_t out_bytes)
{
    bool variable = H5Tis_variable_str(type) > 0;
    size_t each = variable ? sizeof(char *) : H5Tget_size(type), bytes;
    if (each == 0 || each > 1 << 16 || !checked_mul(each, n, &bytes))
        return false;
    char *all = calloc(1, bytes + 1);
    bool good = all && H5Dread(dataset, type, memory, space, H5P_DEFAULT, all) >= 0;
    for (size_t i = 0; i < n && good; i++) {
        const char *text = all + i * each;
        if (variable)
            memcpy(&text, all + i * each, sizeof text);
        if (!text)
            text = "";
        take_fixed(text, variable ? strlen(text) : each, out + i * out_bytes, out_bytes);
    }
    if (good && variable)
        H5Dvlen_reclaim(type, memory, H5P_DEFAULT, all);
    free(all);
    return good;
}

bool set_file_read_texts(const struct set_file *f, enum set_part p, int64_t row, int64_t n,
                         char *out, size_t out_bytes)
{
    const hsize_t start[1] = {(hsize_t)row}, count[1] = {(hsize_t)n};
    hid_t dataset = f->part[p].dataset, type = H5Dget_type(dataset), space = H5Dget_space(dataset),
          memory = H5Screate_simple(1, count, NULL);
    bool good = type >= 0 && space >= 0 && memory >= 0 &&
                H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                copy_strings(dataset, type, memory, space, (size_t)n, out, out_bytes);
    if (memory >= 0)
        H5Sclose(memory);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return good;
}

/* Appends the name of the next row. */
static bool add_name(struct set_file *f, int64_t row, const char *name, size_t *used, size_t *room)
{
    size_t bytes = strlen(name) + 1;
    if (*room - *used < bytes) {
        size_t wanted = 2 * *room + SET_NAME_BYTES_MAX;
        char *grown = realloc(f->names, wanted);
        if (!grown)
            return false;
        f->names = grown;
        *room = wanted;
    }
    memcpy(f->names + *used, name, bytes);
    f->name_at[row] = *used;
    *used += bytes;
    return true;
}

/* Reads the names a part at a time: at most 16, because libhdf5 may decompress all for each. */
static enum status read_names(struct set_file *f, const char *path, struct errmsg *em)
{
    const int64_t most = MAX(f->n / 16, 4096);
    bool stored = f->part[SET_NAMES].dataset >= 0;
    char(*names)[SET_NAME_BYTES_MAX] = calloc((size_t)MIN(f->n, most), sizeof *names);
    size_t used = 0, room = 0;
    f->name_at = calloc((size_t)f->n, sizeof *f->name_at);
    bool fits = names && f->name_at;
    enum status st = ST_OK;
    for (int64_t first = 0; first < f->n && fits && st == ST_OK; first += most) {
        int64_t n = MIN(f->n - first, most);
        if (stored && !set_file_read_texts(f, SET_NAMES, first, n, names[0], sizeof *names))
            st = FAIL(em, ST_DATA, "%s: /names cannot be read: the file is damaged; pack it again",
                      path);
        for (int64_t i = 0; i < n && fits && st == ST_OK; i++) {
            if (!stored)
                snprintf(names[i], sizeof *names, "%" PRId64, first + i);
            fits = add_name(f, first + i, names[i], &used, &room);
        }
    }
    free(names);
    return fits ? st : FAIL(em, ST_MEMORY, "out of memory for the names of %s", path);
}

static hid_t open_hdf5(const char *path)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return H5Fis_hdf5(path) > 0 ? H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT) : -1;
}

enum status set_file_open(const char *path, struct set_file *out, struct errmsg *em)
{
    struct set_file f = {.file = -1};
    struct stat s;
    for (int p = 0; p < SET_PARTS; p++)
        f.part[p].dataset = -1;
    if (stat(path, &s) != 0)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
    f.file = open_hdf5(path);
    if (f.file < 0)
        return FAIL(
            em, ST_DATA,
            "%s cannot be opened by HDF5 %s: it is truncated or damaged (pack it again), or "
            "written with libver=\"latest\" (write it with libver=\"v110\")",
            path, set_library_version());
    enum status st = check_format(f.file, path, em);
    for (int p = 0; p < SET_PARTS && st == ST_OK; p++)
        st = open_part(&f, (enum set_part)p, path, (uintmax_t)s.st_size, em);
    if (st == ST_OK)
        st = read_names(&f, path, em);
    if (st != ST_OK) {
        set_file_release(&f);
        return st;
    }
    read_text(f.file, "person", f.texts.person, sizeof f.texts.person);
    read_text(f.file, "consent", f.texts.consent, sizeof f.texts.consent);
    read_text(f.file, "creator", f.texts.creator, sizeof f.texts.creator);
    read_text(f.file, "created", f.texts.created, sizeof f.texts.created);
    read_text(f.file, "source_hash", f.texts.source_hash, sizeof f.texts.source_hash);
    *out = f;
    return ST_OK;
}

void set_file_release(struct set_file *f)
{
    for (int p = 0; p < SET_PARTS; p++)
        if (f->part[p].dataset >= 0)
            H5Dclose(f->part[p].dataset);
    if (f->file >= 0)
        H5Fclose(f->file);
    free(f->names);
    free(f->name_at);
}

bool set_file_read_rows(const struct set_file *f, enum set_part p, int64_t row, int64_t n,
                        hid_t type, void *out)
{
    hsize_t start[4] = {(hsize_t)row}, count[4];
    hid_t dataset = f->part[p].dataset, space = H5Dget_space(dataset), memory = -1;
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    bool good = rank > 0 && rank <= 4 && H5Sget_simple_extent_dims(space, count, NULL) >= 0;
    if (good) {
        count[0] = (hsize_t)n;
        memory = H5Screate_simple(rank, count, NULL);
        good = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
               H5Dread(dataset, type, memory, space, H5P_DEFAULT, out) >= 0;
    }
    if (memory >= 0)
        H5Sclose(memory);
    if (space >= 0)
        H5Sclose(space);
    return good;
}
