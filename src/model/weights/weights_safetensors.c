/* The safetensors format: 8 bytes (length of the header), a JSON header, the tensors' bytes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "weights_priv.h"

#include "base/poison.h"

/* False if shape and range do not agree, or the range is outside the file. */
static bool take_tensor(const json_t *about, uint64_t data, uint64_t file_bytes,
                        struct weights_tensor *t)
{
    const char *type = json_string_value(json_object_get(about, "dtype"));
    const json_t *shape = json_object_get(about, "shape");
    const json_t *range = json_object_get(about, "data_offsets");
    if (!type || !json_is_array(shape) || json_array_size(shape) > WEIGHTS_DIMS_MAX ||
        json_array_size(range) != 2)
        return false;
    json_int_t from = json_integer_value(json_array_get(range, 0));
    json_int_t to = json_integer_value(json_array_get(range, 1));
    if (from < 0 || to < from || (uint64_t)to > file_bytes - data)
        return false;
    t->is_double = strcmp(type, "F64") == 0;
    t->offset = data + (uint64_t)from;
    t->n_dims = (int)json_array_size(shape);
    size_t count = 1, bytes;
    for (int i = 0; i < t->n_dims; i++) {
        t->dims[i] = json_integer_value(json_array_get(shape, (size_t)i));
        if (t->dims[i] < 0 || !checked_mul(count, (size_t)t->dims[i], &count) ||
            count > INT64_MAX / sizeof(double))
            return false;
    }
    if (!t->is_double && strcmp(type, "F32") != 0)
        return true; /* unknown type: listed, with count 0 */
    t->count = count;
    return checked_mul(count, t->is_double ? sizeof(double) : sizeof(float), &bytes) &&
           bytes == (size_t)(to - from);
}

enum status weights_list_safetensors(struct weights *w, struct errmsg *em)
{
    uint8_t *head = NULL, *text = NULL;
    size_t n = 0;
    enum status st = weights_load(w, 0, sizeof(uint64_t), &head, &n, em);
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes |= (uint64_t)head[i] << (8 * i);
    free(head);
    if (st == ST_OK && bytes > WEIGHTS_HEADER_MAX)
        return weights_refuse(w, "its header is too long", em);
    if (st == ST_OK)
        st = weights_load(w, sizeof(uint64_t), (size_t)bytes, &text, &n, em);
    if (st != ST_OK)
        return st;
    json_t *root = n == bytes ? json_loadb((char *)text, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    if (!json_is_object(root))
        st = weights_refuse(w, "its header is not JSON", em);
    const char *name;
    json_t *about;
    json_object_foreach(root, name, about)
    {
        struct weights_tensor t = {0};
        if (st != ST_OK || strcmp(name, "__metadata__") == 0)
            continue;
        if (!take_tensor(about, sizeof(uint64_t) + bytes, w->bytes, &t))
            st = weights_refuse(w, "its header does not match the file's size", em);
        t.name = st == ST_OK ? strdup(name) : NULL;
        if (st == ST_OK)
            st = weights_add(w, t, em);
    }
    json_decref(root);
    return st;
}
