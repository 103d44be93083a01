#include "weights.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "pickle.h"
#include "weights_priv.h"
#include "zip_check.h"

#include "base/poison.h"

enum { PIECE_BYTES = 1 << 18 };

enum status weights_refuse(const struct weights *w, const char *why, struct errmsg *em)
{
    return FAIL(em, ST_DATA,
                "%s cannot be used: %s. Give a dict of tensors as torch.save writes it, or a "
                "safetensors file; get the file again if it may be torn",
                w->path, why);
}

enum status weights_load(struct weights *w, uint64_t offset, size_t n, uint8_t **out, size_t *n_out,
                         struct errmsg *em)
{
    if (offset >= w->bytes)
        return weights_refuse(w, "it ends too early", em);
    n = (size_t)MIN((uint64_t)n, w->bytes - offset);
    uint8_t *bytes = malloc(n);
    if (!bytes)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", w->path);
    errno = 0;
    if (fseeko(w->file, (off_t)offset, SEEK_SET) != 0 || fread(bytes, 1, n, w->file) != n) {
        int reason = ferror(w->file) ? errno : 0;
        free(bytes);
        return reason ? FAIL_ERRNO(em, ST_IO, reason, "cannot read %s", w->path)
                      : weights_refuse(w, "it ends too early", em);
    }
    *out = bytes;
    *n_out = n;
    return ST_OK;
}

static void release(struct weights_tensor *t)
{
    free(t->name);
    free(t->record);
}

enum status weights_add(struct weights *w, struct weights_tensor t, struct errmsg *em)
{
    enum status st = ST_OK;
    if (w->n == WEIGHTS_TENSORS_MAX)
        st = weights_refuse(w, "it holds too many tensors", em);
    if (st == ST_OK && w->n == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        struct weights_tensor *more = realloc(w->tensors, room * sizeof *more);
        if (more) {
            w->tensors = more;
            w->room = room;
        }
    }
    if (st == ST_OK && (!t.name || w->n == w->room))
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", w->path);
    if (st == ST_OK)
        w->tensors[w->n++] = t;
    else
        release(&t);
    return st;
}

/* A zip archive begins with "PK"; a pickle of protocol 2 with 0x80 0x02. A safetensors file begins
 * with the length of its header, whose seventh and eighth byte are 0, and "{". */
static enum status list(struct weights *w, struct errmsg *em)
{
    uint8_t *head = NULL;
    size_t n = 0;
    enum status st = weights_load(w, 0, 9, &head, &n, em);
    if (st != ST_OK)
        return st;
    bool zip = n == 9 && memcmp(head, "PK\3\4", 4) == 0;
    bool pickle = n == 9 && head[0] == 0x80 && head[1] == 2;
    bool safetensors = n == 9 && head[6] == 0 && head[7] == 0 && head[8] == '{';
    free(head);
    if (zip)
        return weights_list_zip(w, em);
    if (pickle)
        return weights_list_plain(w, em);
    return safetensors ? weights_list_safetensors(w, em)
                       : weights_refuse(w, "it is not a file of weights", em);
}

enum status weights_open(const char *path, struct weights **out, struct errmsg *em)
{
    struct weights *w = calloc(1, sizeof *w);
    enum status st = w && (w->path = strdup(path))
                         ? ST_OK
                         : FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    if (st == ST_OK)
        st = file_open_stream(path, &w->file, em);
    if (st == ST_OK) {
        off_t end = fseeko(w->file, 0, SEEK_END) == 0 ? ftello(w->file) : -1;
        w->bytes = end > 0 ? (uint64_t)end : 0;
        st = list(w, em);
    }
    if (st == ST_OK)
        *out = w;
    else
        weights_free(w);
    return st;
}

void weights_free(struct weights *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++)
        release(&w->tensors[i]);
    free(w->tensors);
    pickle_free(w->pickle);
    free(w->pickle_bytes);
    if (w->archive)
        zip_discard(w->archive);
    if (w->file)
        fclose(w->file);
    free(w->path);
    free(w);
}

const struct pickle *weights_pickle(const struct weights *w)
{
    return w->pickle;
}

const struct weights_tensor *weights_find(const struct weights *w, const char *name)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->tensors[i].name, name) == 0)
            return &w->tensors[i];
    return NULL;
}

/* Reads n bytes of a record from `offset`, then the rest: libzip compares the checksum at the end
 * of a record. */
static enum status read_record(struct weights *w, const char *name, uint64_t offset, uint8_t *out,
                               size_t n, struct errmsg *em)
{
    zip_file_t *record = zip_fopen(w->archive, name, 0);
    uint8_t *piece = malloc(PIECE_BYTES);
    uint64_t at = 0;
    zip_int64_t got = record && piece ? 1 : -1;
    while (got > 0) {
        got = zip_fread(record, piece, PIECE_BYTES);
        for (zip_int64_t i = 0; i < got; i++, at++) /* files and machines are little-endian */
            if (at >= offset && at - offset < n)
                out[at - offset] = piece[i];
    }
    int reason = got < 0 && piece ? zip_reason(w->archive, record) : 0;
    bool whole = got == 0 && at >= offset && at - offset >= n;
    enum status st = ST_OK;
    if (!piece)
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", w->path);
    else if (reason)
        st = FAIL_ERRNO(em, ST_IO, reason, "cannot read %s", w->path);
    else if (!whole)
        st = weights_refuse(w, "its checksums do not match", em);
    free(piece);
    if (record)
        zip_fclose(record);
    return st;
}

enum status weights_read(struct weights *w, const struct weights_tensor *t, double *numbers,
                         struct errmsg *em)
{
    size_t bytes = t->count * (t->is_double ? sizeof(double) : sizeof(float)), got = 0;
    uint8_t *memory = NULL;
    enum status st = ST_OK;
    if (t->record) {
        memory = malloc(bytes);
        if (!memory)
            st = FAIL(em, ST_MEMORY, "out of memory reading %s", w->path);
        else
            st = read_record(w, t->record, t->offset, memory, bytes, em);
    } else {
        st = weights_load(w, t->offset, bytes, &memory, &got, em);
        if (st == ST_OK && got < bytes)
            st = weights_refuse(w, "it ends too early", em);
    }
    for (size_t i = 0; i < t->count && st == ST_OK; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): read_record wrote all bytes */
        numbers[i] = t->is_double ? ((double *)memory)[i] : (double)((float *)memory)[i];
    free(memory);
    return st;
}
