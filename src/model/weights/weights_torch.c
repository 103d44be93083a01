/*
 * A dict of tensors as torch.save writes it. For each tensor the pickle has its storage, its first
 * element there, sizes and strides:
 *
 *     name: torch._utils._rebuild_tensor_v2(
 *               persistent("storage", torch.FloatStorage, key, device, elements),
 *               first element, sizes, strides, ...)
 *
 * Zip archive: records PREFIX/data.pkl, and PREFIX/data/KEY for each storage. Plain form (before
 * PyTorch 1.6): pickles of a magic number, a version, facts about the system, the dict and the list
 * of keys; then, for each key in that order, the storage's number of elements and its bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "pickle.h"
#include "weights_priv.h"
#include "zip_check.h"

#include "base/poison.h"

enum { PLAIN_PICKLES = 5, PREFIX_MAX = 256, STORAGES_MAX = WEIGHTS_TENSORS_MAX };

/* Where the storages of a file in the plain form are. */
struct storages {
    size_t n;
    struct storage {
        const char *key; /* not zero-terminated */
        size_t key_bytes;
        uint64_t offset, bytes;
    } * of;
};

/* Bytes of an element of a storage; 0: unknown type. */
static size_t element_bytes(const struct pickle *p, uint32_t type, bool *is_double, bool *readable)
{
    static const struct {
        const char *name;
        size_t bytes;
        bool is_double, readable;
    } known[] = {
        {"torch\nFloatStorage",    4, false, true },
        {"torch\nDoubleStorage",   8, true,  true },
        {"torch\nHalfStorage",     2, false, false},
        {"torch\nBFloat16Storage", 2, false, false},
        {"torch\nLongStorage",     8, false, false},
        {"torch\nIntStorage",      4, false, false},
        {"torch\nByteStorage",     1, false, false},
        {"torch\nBoolStorage",     1, false, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (pickle_text_is(p, type, known[i].name)) {
            *is_double = known[i].is_double;
            *readable = known[i].readable;
            return known[i].bytes;
        }
    return 0;
}

static char *copy_text(const struct pickle *p, uint32_t value)
{
    size_t n;
    const char *text = pickle_text(p, value, &n);
    return memchr(text, '\0', n) ? NULL : strndup(text, n);
}

/* The arguments of a tensor, or of the tensor in a parameter; 0: neither. */
static uint32_t rebuilt(const struct pickle *p, uint32_t value)
{
    if (pickle_text_is(p, pickle_callee(p, value), "torch._utils\n_rebuild_parameter"))
        value = pickle_at(p, pickle_arguments(p, value), 0);
    bool tensor = pickle_text_is(p, pickle_callee(p, value), "torch._utils\n_rebuild_tensor_v2") ||
                  pickle_text_is(p, pickle_callee(p, value), "torch._utils\n_rebuild_tensor");
    return tensor ? pickle_arguments(p, value) : 0;
}

/* Copies the sizes to t; false if they are not sizes, or the tensor is not contiguous. */
static bool take_shape(const struct pickle *p, uint32_t sizes, uint32_t strides,
                       struct weights_tensor *t)
{
    size_t n = pickle_length(p, sizes), count = 1;
    if (n > WEIGHTS_DIMS_MAX || pickle_length(p, strides) != n)
        return false;
    t->n_dims = (int)n;
    for (size_t i = 0; i < n; i++)
        t->dims[i] = pickle_int(p, pickle_at(p, sizes, i));
    for (size_t i = n; i-- > 0;) {
        int64_t stride = pickle_int(p, pickle_at(p, strides, i));
        if (t->dims[i] < 0 || (t->dims[i] > 1 && stride != (int64_t)count) ||
            !checked_mul(count, (size_t)t->dims[i], &count) || count > INT64_MAX / sizeof(double))
            return false;
    }
    t->count = count;
    return true;
}

static const struct storage *find_storage(const struct storages *s, const struct pickle *p,
                                          uint32_t key)
{
    size_t n;
    const char *text = pickle_text(p, key, &n);
    for (size_t i = 0; i < s->n; i++)
        if (s->of[i].key_bytes == n && memcmp(s->of[i].key, text, n) == 0)
            return &s->of[i];
    return NULL;
}

/* Copies the place of the tensor's bytes to t. prefix: that of the zip archive's records; NULL: the
 * plain form, see storages. */
static bool take_place(const struct pickle *p, uint32_t arguments, const char *prefix,
                       const struct storages *storages, struct weights_tensor *t)
{
    uint32_t storage = pickle_arguments(p, pickle_at(p, arguments, 0));
    uint32_t key = pickle_at(p, storage, 2);
    int64_t elements = pickle_int(p, pickle_at(p, storage, 4));
    int64_t first = pickle_int(p, pickle_at(p, arguments, 1));
    bool readable = false;
    size_t each = element_bytes(p, pickle_at(p, storage, 1), &t->is_double, &readable), from;
    if (!pickle_text_is(p, pickle_at(p, storage, 0), "storage") || each == 0 || first < 0 ||
        elements < first || (uint64_t)(elements - first) < t->count ||
        !checked_mul((size_t)first, each, &from))
        return false;
    t->offset = from;
    if (prefix) {
        char record[2 * PREFIX_MAX], *name = copy_text(p, key);
        int n = name ? snprintf(record, sizeof record, "%s/data/%s", prefix, name) : -1;
        free(name);
        t->record = n > 0 && n < (int)sizeof record ? strdup(record) : NULL;
    } else {
        const struct storage *place = find_storage(storages, p, key);
        if (!place || from > place->bytes || (place->bytes - from) / each < t->count)
            return false;
        t->offset += place->offset;
    }
    t->count = readable ? t->count : 0;
    return !prefix || t->record;
}

/* Adds the tensors among a dict's items; skips other items. */
static enum status add_tensors(struct weights *w, const struct pickle *p, uint32_t dict,
                               const char *prefix, const struct storages *storages,
                               struct errmsg *em)
{
    enum status st = ST_OK;
    bool is_dict = pickle_kind_of(p, dict) == PICKLE_DICT ||
                   pickle_text_is(p, pickle_callee(p, dict), "collections\nOrderedDict");
    if (!is_dict)
        return weights_refuse(w, "it holds no dict", em);
    for (uint32_t i = pickle_first(p, dict); i && st == ST_OK;) {
        uint32_t key = pickle_item(p, i), at = pickle_next(p, i);
        uint32_t arguments = rebuilt(p, pickle_item(p, at));
        struct weights_tensor t = {0};
        i = pickle_next(p, at);
        if (!arguments || pickle_kind_of(p, key) != PICKLE_TEXT)
            continue;
        t.name = copy_text(p, key);
        if (!t.name || !take_shape(p, pickle_at(p, arguments, 2), pickle_at(p, arguments, 3), &t) ||
            !take_place(p, arguments, prefix, storages, &t)) {
            free(t.name);
            free(t.record);
            return weights_refuse(w, "a tensor in it is not where it should be", em);
        }
        st = weights_add(w, t, em);
    }
    return st;
}

/* ---- Zip archives ---------------------------------------------------------------------------- */

/* The folder of all records: torch names it after the file. */
static bool find_prefix(zip_t *archive, char prefix[static PREFIX_MAX])
{
    static const char wanted[] = "/data.pkl";
    zip_int64_t n = zip_get_num_entries(archive, 0);
    for (zip_int64_t i = 0; i < n && i < WEIGHTS_TENSORS_MAX; i++) {
        const char *name = zip_get_name(archive, (zip_uint64_t)i, 0);
        size_t bytes = name ? strlen(name) : 0, tail = sizeof wanted - 1;
        if (bytes > tail && bytes - tail < PREFIX_MAX && !strcmp(name + bytes - tail, wanted)) {
            memcpy(prefix, name, bytes - tail);
            prefix[bytes - tail] = '\0';
            return true;
        }
    }
    return false;
}

static enum status read_pickle(struct weights *w, const char *prefix, uint8_t **out, size_t *n_out,
                               struct errmsg *em)
{
    char name[PREFIX_MAX + 16];
    zip_stat_t about;
    snprintf(name, sizeof name, "%s/data.pkl", prefix);
    if (zip_stat(w->archive, name, 0, &about) != 0 || !(about.valid & ZIP_STAT_SIZE) ||
        about.size == 0 || about.size > WEIGHTS_HEADER_MAX)
        return weights_refuse(w, "its pickle is missing or too long", em);
    uint8_t *bytes = malloc((size_t)about.size);
    zip_file_t *record = zip_fopen(w->archive, name, 0);
    zip_int64_t got = bytes && record ? zip_fread(record, bytes, about.size) : -1;
    uint8_t end; /* libzip compares the checksum at the record's end */
    if (got >= 0 && (zip_uint64_t)got == about.size && zip_fread(record, &end, 1) != 0)
        got = -1;
    int reason = bytes && got < 0 ? zip_reason(w->archive, record) : 0;
    if (record)
        zip_fclose(record);
    if (!bytes)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", w->path);
    if (reason) {
        free(bytes);
        return FAIL_ERRNO(em, ST_IO, reason, "cannot read %s", w->path);
    }
    if (got < 0 || (zip_uint64_t)got != about.size) {
        free(bytes);
        return weights_refuse(w, "its pickle cannot be read", em);
    }
    *out = bytes;
    *n_out = (size_t)about.size;
    return ST_OK;
}

enum status weights_list_zip(struct weights *w, struct errmsg *em)
{
    char prefix[PREFIX_MAX];
    size_t n = 0, used;
    enum status st = zip_open_file(w->path, &w->archive, em);
    if (st != ST_OK)
        return st;
    if (!w->archive || !find_prefix(w->archive, prefix))
        return weights_refuse(w, "it is a zip archive, but torn or not written by torch.save", em);
    st = read_pickle(w, prefix, &w->pickle_bytes, &n, em);
    if (st == ST_OK) {
        struct errmsg why = {0};
        st = pickle_parse(w->pickle_bytes, n, &w->pickle, &used, &why);
        if (st != ST_OK)
            st = weights_refuse(w, why.text, em);
    }
    if (st == ST_OK)
        st = add_tensors(w, w->pickle, pickle_root(w->pickle), prefix, NULL, em);
    return st;
}

/* ---- The plain form -------------------------------------------------------------------------- */

/* Bytes of an element of the storage with that key, from the first tensor that uses it. */
static size_t find_element_bytes(const struct pickle *p, const char *key, size_t key_bytes)
{
    uint32_t dict = pickle_root(p);
    for (uint32_t i = pickle_first(p, dict); i;) {
        uint32_t at = pickle_next(p, i);
        uint32_t arguments = rebuilt(p, pickle_item(p, at));
        uint32_t storage = pickle_arguments(p, pickle_at(p, arguments, 0));
        size_t n;
        const char *text = pickle_text(p, pickle_at(p, storage, 2), &n);
        bool is_double, readable;
        if (n == key_bytes && memcmp(text, key, n) == 0)
            return element_bytes(p, pickle_at(p, storage, 1), &is_double, &readable);
        i = pickle_next(p, at);
    }
    return 0;
}

/* Finds the storages, which follow the pickles from `at` on. */
static enum status place_storages(struct weights *w, const struct pickle *dict,
                                  const struct pickle *keys, uint64_t at, struct storages *out,
                                  struct errmsg *em)
{
    size_t n = pickle_length(keys, pickle_root(keys));
    if (n > STORAGES_MAX)
        return weights_refuse(w, "it holds too many tensors", em);
    out->of = calloc(n + 1, sizeof *out->of);
    if (!out->of)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", w->path);
    for (uint32_t i = pickle_first(keys, pickle_root(keys)); i; i = pickle_next(keys, i)) {
        struct storage *s = &out->of[out->n++];
        uint8_t *head = NULL;
        size_t got = 0, elements = 0;
        s->key = pickle_text(keys, pickle_item(keys, i), &s->key_bytes);
        size_t each = find_element_bytes(dict, s->key, s->key_bytes), bytes = 0;
        enum status st = weights_load(w, at, sizeof(uint64_t), &head, &got, em);
        for (size_t b = 0; b < got; b++)
            elements |= (size_t)head[b] << (8 * b);
        free(head);
        if (st != ST_OK)
            return st;
        at += sizeof(uint64_t);
        if (got < sizeof(uint64_t) || each == 0 || !checked_mul(elements, each, &bytes) ||
            bytes > w->bytes - at)
            return weights_refuse(w, "it ends too early", em);
        s->offset = at;
        s->bytes = bytes;
        at += bytes;
    }
    return ST_OK;
}

enum status weights_list_plain(struct weights *w, struct errmsg *em)
{
    uint8_t *bytes = NULL;
    size_t n = 0, at = 0, used = 0;
    struct pickle *pickles[PLAIN_PICKLES] = {0};
    struct storages storages = {0};
    struct errmsg why = {0};
    enum status st = weights_load(w, 0, WEIGHTS_HEADER_MAX, &bytes, &n, em);
    for (int i = 0; i < PLAIN_PICKLES && st == ST_OK; i++, at += used) {
        st = pickle_parse(bytes + at, n - at, &pickles[i], &used, &why);
        if (st != ST_OK)
            st = weights_refuse(w, why.text, em);
    }
    const struct pickle *dict = pickles[3], *keys = pickles[4];
    if (st == ST_OK && pickle_length(dict, pickle_root(dict)) / 2 > WEIGHTS_TENSORS_MAX)
        st = weights_refuse(w, "it holds too many tensors", em); /* searched for each storage */
    if (st == ST_OK)
        st = place_storages(w, dict, keys, at, &storages, em);
    if (st == ST_OK)
        st = add_tensors(w, dict, pickle_root(dict), NULL, &storages, em);
    free(storages.of);
    for (int i = 0; i < PLAIN_PICKLES; i++)
        pickle_free(pickles[i]);
    free(bytes);
    return st;
}
