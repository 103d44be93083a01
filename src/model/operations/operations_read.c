/* Reads a file of networks. The file is untrusted: everything is checked before it is used. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "operations_priv.h"
#include "pickle.h"
#include "weights.h"

#include "base/poison.h"

enum { FORMAT_VERSION = 1, NAME_MAX_BYTES = 64 };
static const char format_name[] = "bifrons.operations";

/* State of reading one network. */
struct reading {
    const char *path;
    struct weights *weights;
    const struct pickle *p;
    struct operations_file *file;
    struct operations_network *network;
    uint32_t dict; /* the network's dict in p */
};

static enum status refuse(const char *path, const char *why, struct errmsg *em)
{
    return FAIL(em, ST_DATA,
                "%s cannot be used: %s; make it again with scripts/setup --photographs", path, why);
}

static enum status refuse_network(const struct reading *r, const char *why, struct errmsg *em)
{
    return FAIL(em, ST_DATA,
                "%s cannot be used: network \"%s\": %s; make it again with "
                "scripts/setup --photographs",
                r->path, r->network->name, why);
}

static uint32_t lookup(const struct pickle *p, uint32_t dict, const char *key)
{
    if (pickle_kind_of(p, dict) != PICKLE_DICT)
        return 0;
    for (uint32_t i = pickle_first(p, dict); i; i = pickle_next(p, i)) {
        /* keys and values alternate */
        bool found = pickle_text_is(p, pickle_item(p, i), key);
        i = pickle_next(p, i);
        if (found)
            return pickle_item(p, i);
    }
    return 0;
}

/* ---- Tensors --------------------------------------------------------------------------------- */

static bool has_a_fit_shape(const struct weights_tensor *t)
{
    for (int i = 0; i < t->n_dims; i++)
        if (t->dims[i] < 1)
            return false;
    return (t->n_dims == 1 || t->n_dims == 4) && t->count > 0 &&
           t->count <= OPERATIONS_ELEMENTS_MAX;
}

static enum status read_tensor(struct reading *r, const struct weights_tensor *t, struct errmsg *em)
{
    struct operations_tensor *out = &r->network->tensors[r->network->n_tensors];
    if (!has_a_fit_shape(t))
        return refuse_network(r, "a tensor in it has an unknown type or an impossible shape", em);
    double *numbers = malloc(t->count * sizeof *numbers);
    if (!numbers)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", r->path);
    enum status st = weights_read(r->weights, t, numbers, em);
    for (size_t i = 0; i < t->count && st == ST_OK; i++)
        if (!isfinite((float)numbers[i]))
            st = refuse_network(r, "it holds numbers that are not finite", em);
    if (st == ST_OK) {
        out->n_dims = (size_t)t->n_dims;
        memcpy(out->dims, t->dims, out->n_dims * sizeof out->dims[0]);
        struct shim_scope *tensors = r->file->tensors;
        out->tensor = shim_from_memory(tensors, SHIM_F64, numbers, out->n_dims, out->dims);
        if (out->n_dims == 4) /* as the activations are, or every convolution copies its weights */
            out->tensor = shim_channels_last(tensors, out->tensor, true);
        st = shim_scope_check(tensors, em);
    }
    free(numbers);
    r->network->n_tensors += st == ST_OK;
    return st;
}

/* Reads "NAME.0", "NAME.1", … up to the first that is missing. */
static enum status read_tensors(struct reading *r, struct errmsg *em)
{
    struct operations_network *n = r->network;
    enum status st = ST_OK;
    n->tensors = calloc(OPERATIONS_TENSORS_MAX, sizeof *n->tensors);
    if (!n->tensors)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", r->path);
    while (st == ST_OK) {
        char name[NAME_MAX_BYTES + 16];
        snprintf(name, sizeof name, "%s.%zu", n->name, n->n_tensors);
        const struct weights_tensor *t = weights_find(r->weights, name);
        if (!t)
            break;
        if (n->n_tensors == OPERATIONS_TENSORS_MAX)
            return refuse_network(r, "it holds too many tensors", em);
        st = read_tensor(r, t, em);
    }
    return st;
}

/* ---- Operations ------------------------------------------------------------------------------ */

static enum status refuse_operation(const struct reading *r, size_t index, const char *why,
                                    struct errmsg *em)
{
    const struct operation_kind *kind = r->network->operations[index - 1].kind;
    return FAIL(em, ST_DATA,
                "%s cannot be used: network \"%s\", operation %zu (%s): %s; make it again with "
                "scripts/setup --photographs",
                r->path, r->network->name, index, kind ? kind->name : "unknown", why);
}

static enum status read_operation(struct reading *r, uint32_t list, size_t index, struct errmsg *em)
{
    struct operation *o = &r->network->operations[index - 1];
    uint32_t at = pickle_first(r->p, list);
    size_t n_bytes, n = 0;
    if (pickle_kind_of(r->p, list) != PICKLE_SEQUENCE ||
        pickle_kind_of(r->p, pickle_item(r->p, at)) != PICKLE_TEXT)
        return refuse_operation(r, index, "it is not a list that begins with a name", em);
    const char *name = pickle_text(r->p, pickle_item(r->p, at), &n_bytes);
    o->kind = operation_kind_find(name, n_bytes);
    if (!o->kind)
        return refuse_operation(r, index, "there is no operation of that name here", em);
    size_t wanted = strlen(o->kind->numbers);
    for (at = pickle_next(r->p, at); at; at = pickle_next(r->p, at)) {
        uint32_t number = pickle_item(r->p, at);
        if (n == wanted || pickle_kind_of(r->p, number) != PICKLE_INT)
            return refuse_operation(r, index, "it has more numbers than it takes, or other things",
                                    em);
        o->numbers[n++] = pickle_int(r->p, number);
    }
    const char *why =
        n < wanted ? "it has fewer numbers than it takes" : operation_check(r->network, index);
    return why ? refuse_operation(r, index, why, em) : ST_OK;
}

static enum status read_operations(struct reading *r, struct errmsg *em)
{
    struct operations_network *n = r->network;
    uint32_t list = lookup(r->p, r->dict, "operations"), input = lookup(r->p, r->dict, "input");
    struct operations_shape *x = NULL;
    enum status st = ST_OK;
    n->n_operations = pickle_length(r->p, list);
    if (pickle_kind_of(r->p, list) != PICKLE_SEQUENCE || n->n_operations > OPERATIONS_MAX)
        return refuse_network(r, "it has no list of operations, or too long a one", em);
    n->operations = calloc(n->n_operations + 1, sizeof *n->operations);
    n->shapes = x = calloc(n->n_operations + 1, sizeof *n->shapes);
    if (!n->operations || !x)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", r->path);
    x->channels = pickle_int(r->p, pickle_at(r->p, input, 0));
    x->height = pickle_int(r->p, pickle_at(r->p, input, 1));
    x->width = pickle_int(r->p, pickle_at(r->p, input, 2));
    if (x->channels < 1 || x->channels > OPERATION_ARGUMENT_LIMIT || x->height < 1 ||
        x->height > OPERATION_ARGUMENT_LIMIT || x->width < 1 ||
        x->width > OPERATION_ARGUMENT_LIMIT || operations_count(*x) > OPERATIONS_ELEMENTS_MAX)
        return refuse_network(r, "its input has no shape that is possible", em);
    size_t index = 0;
    for (uint32_t at = pickle_first(r->p, list); at && st == ST_OK; at = pickle_next(r->p, at))
        st = read_operation(r, pickle_item(r->p, at), ++index, em);
    return st;
}

static enum status read_outputs(struct reading *r, struct errmsg *em)
{
    struct operations_network *n = r->network;
    uint32_t list = lookup(r->p, r->dict, "outputs");
    size_t count = pickle_length(r->p, list);
    if (pickle_kind_of(r->p, list) != PICKLE_SEQUENCE || count < 1 ||
        count > OPERATIONS_OUTPUTS_MAX)
        return refuse_network(r, "it has no list of outputs, or too long a one", em);
    for (n->n_outputs = 0; n->n_outputs < count; n->n_outputs++) {
        int64_t value = pickle_int(r->p, pickle_at(r->p, list, n->n_outputs));
        if (value < 0 || value > (int64_t)n->n_operations)
            return refuse_network(r, "one of its outputs is no value", em);
        n->outputs[n->n_outputs] = value;
    }
    return ST_OK;
}

/* ---- The file -------------------------------------------------------------------------------- */

static enum status read_network(struct reading *r, uint32_t key, struct errmsg *em)
{
    size_t n_bytes;
    const char *name = pickle_text(r->p, key, &n_bytes);
    if (r->file->n_networks == OPERATIONS_NETWORKS_MAX)
        return refuse(r->path, "it holds too many networks", em);
    if (pickle_kind_of(r->p, key) != PICKLE_TEXT || n_bytes == 0 || n_bytes > NAME_MAX_BYTES ||
        memchr(name, '\0', n_bytes))
        return refuse(r->path, "a network in it has no name, or too long a one", em);
    r->network = &r->file->networks[r->file->n_networks++];
    r->network->name = strndup(name, n_bytes);
    if (!r->network->name)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", r->path);
    enum status st = read_tensors(r, em);
    if (st == ST_OK)
        st = read_operations(r, em);
    return st == ST_OK ? read_outputs(r, em) : st;
}

static enum status read_networks(struct reading *r, struct errmsg *em)
{
    uint32_t root = pickle_root(r->p), networks = lookup(r->p, root, "networks");
    enum status st = ST_OK;
    if (!pickle_text_is(r->p, lookup(r->p, root, "format"), format_name))
        return refuse(r->path, "it is no file of networks (\"format\")", em);
    if (pickle_int(r->p, lookup(r->p, root, "format_version")) != FORMAT_VERSION)
        return refuse(r->path, "its format_version is not 1, the only one known here", em);
    if (pickle_kind_of(r->p, networks) != PICKLE_DICT)
        return refuse(r->path, "it holds no networks", em);
    for (uint32_t i = pickle_first(r->p, networks); i && st == ST_OK; i = pickle_next(r->p, i)) {
        uint32_t key = pickle_item(r->p, i);
        i = pickle_next(r->p, i);
        r->dict = pickle_item(r->p, i);
        st = read_network(r, key, em);
    }
    return st;
}

enum status operations_read(struct operations_file *f, const char *path, struct errmsg *em)
{
    struct reading r = {.path = path, .file = f};
    enum status st = weights_open(path, &r.weights, em);
    if (st != ST_OK)
        return st;
    r.p = weights_pickle(r.weights);
    st = r.p ? read_networks(&r, em) : refuse(path, "it is no zip archive of torch.save's", em);
    weights_free(r.weights);
    return st;
}
