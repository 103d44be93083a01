#include "model/operations.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "operations_priv.h"

#include "base/poison.h"

enum status operations_open(const char *path, const char *device, struct operations_file **out,
                            struct errmsg *em)
{
    struct operations_file *f = calloc(1, sizeof *f);
    enum status st = f ? ST_OK : FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    if (st == ST_OK)
        st = shim_scope_new(device, SHIM_F32, &f->tensors, em);
    if (st == ST_OK)
        st = shim_scope_new(device, SHIM_F32, &f->run, em);
    if (st == ST_OK)
        st = operations_read(f, path, em);
    if (st == ST_OK)
        *out = f;
    else
        operations_free(f);
    return st;
}

void operations_free(struct operations_file *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_networks; i++) {
        free(f->networks[i].name);
        free(f->networks[i].tensors);
        free(f->networks[i].operations);
        free(f->networks[i].shapes);
    }
    shim_scope_free(f->run);
    shim_scope_free(f->tensors);
    free(f);
}

const struct operations_network *operations_find(const struct operations_file *f, const char *name)
{
    for (size_t i = 0; i < f->n_networks; i++)
        if (strcmp(f->networks[i].name, name) == 0)
            return &f->networks[i];
    return NULL;
}

struct operations_shape operations_input(const struct operations_network *n)
{
    return n->shapes[0];
}

size_t operations_n_outputs(const struct operations_network *n)
{
    return n->n_outputs;
}

struct operations_shape operations_output(const struct operations_network *n, size_t i)
{
    BUG_ON(i >= n->n_outputs);
    return n->shapes[n->outputs[i]];
}

size_t operations_count(struct operations_shape shape)
{
    return (size_t)shape.channels * (size_t)shape.height * (size_t)shape.width;
}

/* callers' arrays have channels innermost, which is also fastest for convolutions on a CPU */
static const int64_t channels_second[] = {0, 3, 1, 2}, channels_innermost[] = {0, 2, 3, 1};

static enum status walk(struct shim_scope *s, const struct operations_network *network, size_t n,
                        const float *inputs, struct shim_tensor **values, float *const *outputs,
                        struct errmsg *em)
{
    struct operations_shape x = network->shapes[0];
    const int64_t dims[] = {(int64_t)n, x.height, x.width, x.channels};
    values[0] = shim_permute(s, shim_from_memory(s, SHIM_F32, inputs, 4, dims), 4, channels_second);
    for (size_t i = 0; i < network->n_operations; i++) {
        const struct operation *o = &network->operations[i];
        values[i + 1] = o->kind->run(s, network, values, o->numbers);
    }
    for (size_t i = 0; i < network->n_outputs; i++) {
        size_t count = n * operations_count(operations_output(network, i));
        struct shim_tensor *y = shim_permute(s, values[network->outputs[i]], 4, channels_innermost);
        shim_to_memory(s, y, SHIM_F32, outputs[i], count);
    }
    return shim_scope_check(s, em);
}

enum status operations_run(struct operations_file *f, const struct operations_network *network,
                           size_t n, const float *inputs, float *const *outputs, struct errmsg *em)
{
    struct shim_tensor **values = calloc(network->n_operations + 1, sizeof *values);
    if (!values)
        return FAIL(em, ST_MEMORY, "out of memory running a network");
    shim_no_grad(f->run, true);
    enum status st = walk(f->run, network, n, inputs, values, outputs, em);
    shim_scope_reset(f->run);
    free(values);
    return st;
}
