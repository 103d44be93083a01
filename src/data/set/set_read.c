/* Reads rows of an open set, and verifies them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/sidecar.h"
#include "data/file_kind.h"
#include "data/points.h"
#include "set_priv.h"

struct set {
    char path[PATH_BYTES_MAX];
    struct set_file file;
    struct set_info info;
    int fd;           /* for rows read with pread */
    uint64_t *hashes; /* (n) */
};

const struct set_info *set_get_info(const struct set *s)
{
    return &s->info;
}

const char *set_path(const struct set *s)
{
    return s->path;
}

enum status set_renamed(struct set *s, const char *path, struct errmsg *em)
{
    return path_join(s->path, sizeof s->path, "", path)
               ? ST_OK
               : FAIL(em, ST_MEMORY, "path too long: %s", path);
}

const char *set_name(const struct set *s, int64_t row)
{
    BUG_ON(row < 0 || row >= s->info.n);
    return set_file_name(&s->file, row);
}

const struct set_file *set_get_file(const struct set *s)
{
    return &s->file;
}

const uint64_t *set_hashes(const struct set *s)
{
    return s->hashes;
}

static enum status read_direct(const struct set *s, int64_t offset, size_t n, void *out,
                               struct errmsg *em)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(s->fd, (char *)out + done, n - done, offset + (int64_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return FAIL_ERRNO(em, ST_IO, errno, "cannot read %s", s->path);
        if (got == 0)
            return FAIL(em, ST_DATA, "%s has become shorter while it is in use", s->path);
        done += (size_t)got;
    }
    return ST_OK;
}

static enum status check_has(const struct set *s, enum set_part p, int64_t row, struct errmsg *em)
{
    BUG_ON(row < 0 || row >= s->info.n);
    return s->file.part[p].dataset >= 0
               ? ST_OK
               : FAIL(em, ST_DATA, "%s has no %s; pack the folder with them, or do without",
                      s->path, set_layouts[p].what);
}

static enum status damaged_row(const struct set *s, int64_t row, struct errmsg *em)
{
    return FAIL(em, ST_DATA, "%s: row %" PRId64 " (%s) cannot be read: the file is damaged",
                s->path, row, set_name(s, row));
}

static enum status read_row(struct set *s, enum set_part p, int64_t row, hid_t type, void *out,
                            struct errmsg *em)
{
    const struct set_part_file *part = &s->file.part[p];
    enum status st = check_has(s, p, row, em);
    if (st != ST_OK)
        return st;
    if (part->offset >= 0)
        return read_direct(s, part->offset + row * (int64_t)part->row_bytes, part->row_bytes, out,
                           em);
    return set_file_read_rows(&s->file, p, row, 1, type, out) ? ST_OK : damaged_row(s, row, em);
}

enum status set_read_image(struct set *s, int64_t row, uint8_t *out, struct errmsg *em)
{
    return read_row(s, SET_IMAGES, row, H5T_NATIVE_UINT8, out, em);
}

enum status set_read_mask(struct set *s, int64_t row, uint8_t *out, struct errmsg *em)
{
    return read_row(s, SET_MASKS, row, H5T_NATIVE_UINT8, out, em);
}

enum status set_read_truth(struct set *s, int64_t row, uint8_t *out, struct errmsg *em)
{
    return read_row(s, SET_TRUTH, row, H5T_NATIVE_UINT8, out, em);
}

enum status set_read_landmarks(struct set *s, int64_t row, float out[SET_LANDMARKS][2],
                               struct errmsg *em)
{
    float points[FACE_POINTS][2];
    if (!s->info.landmarks_derived)
        return read_row(s, SET_LANDMARK_POINTS, row, H5T_NATIVE_FLOAT, out, em);
    enum status st = set_read_points(s, row, points, em);
    if (st == ST_OK)
        points_landmarks((const float(*)[2])points, out);
    return st;
}

enum status set_read_points(struct set *s, int64_t row, float out[FACE_POINTS][2],
                            struct errmsg *em)
{
    enum status st = read_row(s, SET_FACE_POINTS, row, H5T_NATIVE_FLOAT, out, em);
    for (int i = 0; i < FACE_POINTS && st == ST_OK; i++)
        if (!point_is_known(out[i]))
            out[i][0] = out[i][1] = NAN;
    return st;
}

/* Floats of a row; all NaN if one is. */
static enum status read_numbers(struct set *s, enum set_part p, int64_t row, float *out, int n,
                                struct errmsg *em)
{
    enum status st = read_row(s, p, row, H5T_NATIVE_FLOAT, out, em);
    bool known = st == ST_OK;
    for (int i = 0; i < n && known; i++)
        known = !isnan(out[i]);
    for (int i = 0; i < n && !known; i++)
        out[i] = NAN;
    return st;
}

enum status set_read_pose(struct set *s, int64_t row, float out[SET_ANGLES], struct errmsg *em)
{
    return read_numbers(s, SET_POSE, row, out, SET_ANGLES, em);
}

enum status set_read_identity(struct set *s, int64_t row, float out[SET_IDENTITY_NUMBERS],
                              struct errmsg *em)
{
    return read_numbers(s, SET_IDENTITY, row, out, SET_IDENTITY_NUMBERS, em);
}

enum status set_read_time(struct set *s, int64_t row, double *out, struct errmsg *em)
{
    return read_row(s, SET_TIME, row, H5T_NATIVE_DOUBLE, out, em);
}

enum status set_read_source(struct set *s, int64_t row, char out[SET_TEXT_BYTES_MAX],
                            struct errmsg *em)
{
    enum status st = check_has(s, SET_SOURCE, row, em);
    if (st != ST_OK)
        return st;
    return set_file_read_texts(&s->file, SET_SOURCE, row, 1, out, SET_TEXT_BYTES_MAX)
               ? ST_OK
               : damaged_row(s, row, em);
}

static enum status hash_row(struct set *s, int64_t row, uint8_t *scratch, uint64_t *out,
                            struct errmsg *em)
{
    enum status st = set_read_image(s, row, scratch, em);
    if (st == ST_OK)
        *out = hash64(scratch, s->file.part[SET_IMAGES].row_bytes, 0);
    return st;
}

/* The stored row hashes; computed ones if the file has none. */
static enum status load_hashes(struct set *s, struct errmsg *em)
{
    size_t n = (size_t)s->info.n;
    uint8_t *scratch = malloc(s->file.part[SET_IMAGES].row_bytes);
    s->hashes = malloc(n * sizeof *s->hashes);
    enum status st = ST_OK;
    if (!scratch || !s->hashes)
        st = FAIL(em, ST_MEMORY, "out of memory opening %s", s->path);
    else if (s->info.has_hashes) {
        if (H5Dread(s->file.part[SET_HASHES].dataset, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL,
                    H5P_DEFAULT, s->hashes) < 0)
            st =
                FAIL(em, ST_DATA, "%s: dataset /xxh3 cannot be read: the file is damaged", s->path);
    } else
        for (int64_t row = 0; row < s->info.n && st == ST_OK; row++)
            st = hash_row(s, row, scratch, &s->hashes[row], em);
    free(scratch);
    return st;
}

static void fill_info(struct set *s)
{
    const struct set_file *f = &s->file;
    bool landmarks = f->part[SET_LANDMARK_POINTS].dataset >= 0,
         points = f->part[SET_FACE_POINTS].dataset >= 0;
    s->info = (struct set_info){
        .n = f->n,
        .size = f->size,
        .person = f->texts.person,
        .consent = f->texts.consent,
        .creator = f->texts.creator,
        .created = f->texts.created,
        .source_hash = f->texts.source_hash,
        .has_hashes = f->part[SET_HASHES].dataset >= 0,
        .has_masks = f->part[SET_MASKS].dataset >= 0,
        .has_landmarks = landmarks || points,
        .landmarks_derived = points && !landmarks,
        .has_points = points,
        .has_matrix = f->part[SET_MATRIX].dataset >= 0,
        .has_truth = f->part[SET_TRUTH].dataset >= 0,
        .has_pose = f->part[SET_POSE].dataset >= 0,
        .has_identity = f->part[SET_IDENTITY].dataset >= 0,
        .has_source = f->part[SET_SOURCE].dataset >= 0,
        .has_time = f->part[SET_TIME].dataset >= 0,
        .direct = f->part[SET_IMAGES].offset >= 0,
    };
}

/* Checks that the file is a set; the message says what it is instead. */
static enum status check(const char *path, struct errmsg *em)
{
    static const char wanted[] = "HDF5 file, as sets are";
    const struct file_kind *kind;
    struct errmsg reason = {0};
    enum status st = file_kind_read(path, &kind, em);
    if (st != ST_OK)
        return st;
    if (kind->group == FILE_FOLDER)
        return FAIL(em, ST_NOINPUT,
                    "%s is a folder, and a set is a file: bifrons pack makes one of a folder of "
                    "pictures",
                    path);
    bool file = kind->group != FILE_RUN && kind->group != FILE_SPECIAL;
    st =
        file ? set_probe(path, &reason) : ST_DATA; /* the HDF5 data may begin far inside the file */
    if (st == ST_DATA && kind->group != FILE_SET)
        return file_kind_expect(path, FILE_SET, wanted, em);
    return st == ST_OK ? ST_OK : FAIL(em, st, "%s", reason.text);
}

enum status set_open(const char *path, struct set **out, struct errmsg *em)
{
    enum status st = check(path, em);
    if (st != ST_OK)
        return st;
    struct set *s = calloc(1, sizeof *s);
    if (!s || !path_join(s->path, sizeof s->path, "", path)) {
        free(s);
        return FAIL(em, ST_MEMORY, "path too long or out of memory: %s", path);
    }
    s->fd = -1;
    st = set_file_open(path, &s->file, em);
    if (st != ST_OK) {
        free(s);
        return st;
    }
    fill_info(s);
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0)
        st = FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
    if (st == ST_OK)
        st = load_hashes(s, em);
    if (st != ST_OK) {
        set_free(s);
        return st;
    }
    s->info.fingerprint =
        hash64(s->hashes, (size_t)s->info.n * sizeof *s->hashes, (uint64_t)s->info.size);
    snprintf(s->info.fingerprint_text, sizeof s->info.fingerprint_text, "%016" PRIx64,
             s->info.fingerprint);
    *out = s;
    return ST_OK;
}

void set_free(struct set *s)
{
    if (!s)
        return;
    set_file_release(&s->file);
    if (s->fd >= 0)
        close(s->fd);
    free(s->hashes);
    free(s);
}

enum status set_hash_parts(struct set *s, uint64_t *out, struct errmsg *em)
{
    static const enum set_part parts[] = {SET_MASKS, SET_TRUTH, SET_LANDMARK_POINTS,
                                          SET_FACE_POINTS};
    uint64_t hash = 0;
    enum status st = ST_OK;
    for (size_t k = 0; k < ARRAY_LENGTH(parts) && st == ST_OK; k++) {
        const struct set_part_file *part = &s->file.part[parts[k]];
        bool pixels = set_layouts[parts[k]].element == 1;
        hid_t type = pixels ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT;
        int64_t n = pixels ? MIN(s->info.n, (int64_t)SET_HASHED_MAX) : s->info.n;
        if (part->dataset < 0)
            continue;
        /* points at most 16 times: libhdf5 may decompress all for each */
        int64_t most = pixels ? 1 : MIN(n, MAX(n / 16, 4096));
        uint8_t *rows = malloc((size_t)most * part->row_bytes);
        if (!rows)
            st = FAIL(em, ST_MEMORY, "out of memory reading %s", s->path);
        hash = hash64(&parts[k], sizeof parts[k], hash);
        for (int64_t i = 0; i < n && st == ST_OK; i += most) {
            int64_t count = MIN(most, n - i);
            if (pixels)
                st = read_row(s, parts[k], i * s->info.n / n, type, rows, em);
            else if (!set_file_read_rows(&s->file, parts[k], i, count, type, rows))
                st = FAIL(em, ST_DATA, "%s: %s cannot be read: the file is damaged; pack it again",
                          s->path, set_layouts[parts[k]].name);
            hash = st == ST_OK ? hash64(rows, (size_t)count * part->row_bytes, hash) : 0;
        }
        free(rows);
    }
    *out = hash;
    return st;
}

enum status set_verify(struct set *s, struct errmsg *em)
{
    uint8_t *scratch = malloc(s->file.part[SET_IMAGES].row_bytes);
    enum status st = scratch ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int64_t row = 0; row < s->info.n && st == ST_OK; row++) {
        uint64_t h = 0;
        st = hash_row(s, row, scratch, &h, em);
        if (st == ST_OK && h != s->hashes[row])
            st = FAIL(em, ST_DATA,
                      "%s: row %" PRId64 " (%s) has changed since it was packed: its hash differs; "
                      "pack the folder again",
                      s->path, row, set_name(s, row));
    }
    free(scratch);
    if (st == ST_OK && sidecar_exists(s->path))
        st = sidecar_verify(s->path, "; pack it again", em);
    return st;
}
