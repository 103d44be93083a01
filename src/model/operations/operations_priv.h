/* Shared by reading, checking and running networks of operations. */
#ifndef BIFRONS_MODEL_OPERATIONS_PRIV_H
#define BIFRONS_MODEL_OPERATIONS_PRIV_H

#include "model/operations.h"
#include "shim/shim.h"

enum {
    OPERATION_ARGUMENTS_MAX = 6,     /* numbers of an operation */
    OPERATION_ARGUMENT_LIMIT = 4096, /* the largest of these numbers, and of a value's sizes */
    OPERATIONS_MAX = 1024,
    OPERATIONS_TENSORS_MAX = 1024,
    OPERATIONS_NETWORKS_MAX = 16,
    OPERATIONS_ELEMENTS_MAX = 1 << 24, /* of a tensor, and of a sample's value */
};

/* A tensor of the file. */
struct operations_tensor {
    size_t n_dims;
    int64_t dims[4];
    struct shim_tensor *tensor; /* owned by the file's scope */
};

struct operation;

struct operations_network {
    char *name;
    size_t n_tensors, n_operations, n_outputs;
    struct operations_tensor *tensors;
    struct operation *operations;
    struct operations_shape *shapes; /* of the values: n_operations + 1 */
    int64_t outputs[OPERATIONS_OUTPUTS_MAX];
};

struct operations_file {
    struct shim_scope *tensors, *run;
    size_t n_networks;
    struct operations_network networks[OPERATIONS_NETWORKS_MAX];
};

/* A row of the table in operations_table.c. */
struct operation_kind {
    const char *name;
    const char *numbers; /* a letter for each: v a value, t a tensor, n a number */
    /* Sets *out to the shape of the result; returns NULL, or what is wrong. Values and tensors are
     * known to exist. */
    const char *(*shape)(const struct operations_network *n, const int64_t *numbers,
                         struct operations_shape *out);
    struct shim_tensor *(*run)(struct shim_scope *s, const struct operations_network *n,
                               struct shim_tensor *const *values, const int64_t *numbers);
};

struct operation {
    const struct operation_kind *kind;
    int64_t numbers[OPERATION_ARGUMENTS_MAX];
};

/* NULL: no operation of that name. name need not end with a zero byte. */
const struct operation_kind *operation_kind_find(const char *name, size_t bytes);
/* Checks the operation that gives value `index`, and sets that value's shape. Returns NULL, or what
 * is wrong. */
const char *operation_check(struct operations_network *n, size_t index);

/* Reads the networks from a file into f, whose scopes are open; on failure the caller frees f. */
enum status operations_read(struct operations_file *f, const char *path,
                            struct errmsg *em) MUST_CHECK;

#endif
