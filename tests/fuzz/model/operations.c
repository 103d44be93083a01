/*
 * Networks of operations, from the pickle of their archive, whose storages are zeros. A network
 * that is accepted runs, on a libtorch that knows shapes only and does not forgive.
 */
#include "model/operations.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "fuzz.h"
#include "operations_priv.h"
#include "shim/inference.h"

enum { STORAGES = 4, STORAGE_BYTES = 1024, TENSORS_MAX = 4096, COUNT_MAX = 1 << 20 };

/* ---- The archive ----------------------------------------------------------------------------- */

static void add_record(zip_t *z, const char *name, const void *data, size_t n)
{
    zip_source_t *source = zip_source_buffer(z, data, n, 0);
    zip_int64_t i = source ? zip_file_add(z, name, source, 0) : -1;
    if (i < 0 || zip_set_file_compression(z, (zip_uint64_t)i, ZIP_CM_STORE, 0) != 0)
        abort();
}

static const char *archive_of(const uint8_t *pickle, size_t n)
{
    static const uint8_t zeros[STORAGE_BYTES];
    static char path[128];
    snprintf(path, sizeof path, "%s/x.pt", fuzz_folder());
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    if (!z)
        abort();
    add_record(z, "x/data.pkl", pickle, n);
    for (int i = 0; i < STORAGES; i++) {
        char name[16];
        snprintf(name, sizeof name, "x/data/%d", i);
        add_record(z, name, zeros, sizeof zeros);
    }
    if (zip_close(z) != 0)
        abort();
    return path;
}

/* ---- A shim of shapes ------------------------------------------------------------------------ */

struct shim_tensor {
    size_t n_dims;
    int64_t dims[SHIM_DIMS_MAX];
};

struct shim_scope {
    size_t n;
    struct shim_tensor tensors[TENSORS_MAX];
};

/* libtorch throws where the condition is false. */
static void need(bool condition)
{
    if (!condition)
        abort();
}

static struct shim_tensor *tensor_of(struct shim_scope *s, size_t n_dims, const int64_t *dims)
{
    need(s->n < TENSORS_MAX && n_dims <= SHIM_DIMS_MAX);
    struct shim_tensor *t = &s->tensors[s->n++];
    t->n_dims = n_dims;
    for (size_t i = 0; i < n_dims; i++) {
        need(dims[i] > 0);
        t->dims[i] = dims[i];
    }
    return t;
}

static struct shim_tensor *picture_of(struct shim_scope *s, const struct shim_tensor *x, int64_t c,
                                      int64_t h, int64_t w)
{
    need(x->n_dims == 4);
    return tensor_of(s, 4, (int64_t[]){x->dims[0], c, h, w});
}

enum status shim_scope_new(const char *device, enum shim_dtype dtype, struct shim_scope **out,
                           struct errmsg *em)
{
    (void)device, (void)dtype;
    *out = calloc(1, sizeof **out);
    return *out ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
}

void shim_scope_free(struct shim_scope *s)
{
    free(s);
}

void shim_scope_reset(struct shim_scope *s)
{
    s->n = 0;
}

enum status shim_scope_check(const struct shim_scope *s, struct errmsg *em)
{
    (void)s, (void)em;
    return ST_OK;
}

void shim_no_grad(struct shim_scope *s, bool on)
{
    (void)s, (void)on;
}

struct shim_tensor *shim_from_memory(struct shim_scope *s, enum shim_dtype memory_dtype,
                                     const void *memory, size_t n_dims, const int64_t *dims)
{
    (void)memory_dtype, (void)memory;
    return tensor_of(s, n_dims, dims);
}

void shim_to_memory(struct shim_scope *s, const struct shim_tensor *t, enum shim_dtype dtype,
                    void *memory, size_t count)
{
    (void)s, (void)dtype, (void)memory;
    size_t n = 1;
    for (size_t i = 0; i < t->n_dims; i++)
        n *= (size_t)t->dims[i];
    need(n == count);
}

struct shim_tensor *shim_reshape(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                 const int64_t *dims)
{
    int64_t before = 1, after = 1;
    for (size_t i = 0; i < x->n_dims; i++)
        before *= x->dims[i];
    for (size_t i = 0; i < n_dims; i++)
        after *= dims[i];
    need(before == after);
    return tensor_of(s, n_dims, dims);
}

struct shim_tensor *shim_permute(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                 const int64_t *order)
{
    int64_t dims[SHIM_DIMS_MAX];
    need(n_dims == x->n_dims);
    for (size_t i = 0; i < n_dims; i++)
        dims[i] = x->dims[order[i]];
    return tensor_of(s, n_dims, dims);
}

/* b may be broadcast to a. */
static struct shim_tensor *pair(struct shim_scope *s, const struct shim_tensor *a,
                                const struct shim_tensor *b)
{
    need(a->n_dims == b->n_dims);
    for (size_t i = 0; i < a->n_dims; i++)
        need(b->dims[i] == a->dims[i] || b->dims[i] == 1);
    return tensor_of(s, a->n_dims, a->dims);
}

struct shim_tensor *shim_add(struct shim_scope *s, const struct shim_tensor *a,
                             const struct shim_tensor *b)
{
    return pair(s, a, b);
}

struct shim_tensor *shim_mul(struct shim_scope *s, const struct shim_tensor *a,
                             const struct shim_tensor *b)
{
    return pair(s, a, b);
}

struct shim_tensor *shim_channels_last(struct shim_scope *s, const struct shim_tensor *x, bool on)
{
    (void)on;
    need(x->n_dims == 4);
    return tensor_of(s, x->n_dims, x->dims);
}

struct shim_tensor *shim_leaky_relu(struct shim_scope *s, const struct shim_tensor *x, double slope)
{
    (void)slope;
    return tensor_of(s, x->n_dims, x->dims);
}

struct shim_tensor *shim_prelu(struct shim_scope *s, const struct shim_tensor *x,
                               const struct shim_tensor *slopes)
{
    need(slopes->n_dims == 1 && x->n_dims == 4 && slopes->dims[0] == x->dims[1]);
    return tensor_of(s, x->n_dims, x->dims);
}

struct shim_tensor *shim_conv2d(struct shim_scope *s, const struct shim_tensor *x,
                                const struct shim_tensor *weight, const struct shim_tensor *bias,
                                int64_t stride, int64_t padding)
{
    const int64_t *w = weight->dims;
    need(x->n_dims == 4 && weight->n_dims == 4 && bias->n_dims == 1 && stride > 0 && padding >= 0);
    int64_t groups = x->dims[1] / w[1];
    need(groups > 0 && groups * w[1] == x->dims[1] && w[0] % groups == 0 && bias->dims[0] == w[0]);
    int64_t h = x->dims[2] + 2 * padding - w[2], width = x->dims[3] + 2 * padding - w[3];
    need(h >= 0 && width >= 0);
    return picture_of(s, x, w[0], h / stride + 1, width / stride + 1);
}

struct shim_tensor *shim_pad(struct shim_scope *s, const struct shim_tensor *x, int64_t channels,
                             const int64_t sides[4])
{
    return picture_of(s, x, x->dims[1] + channels, x->dims[2] + sides[0] + sides[1],
                      x->dims[3] + sides[2] + sides[3]);
}

struct shim_tensor *shim_max_pool2d_stride(struct shim_scope *s, const struct shim_tensor *x,
                                           int64_t size, int64_t stride)
{
    need(size > 0 && stride > 0 && x->dims[2] >= size && x->dims[3] >= size);
    return picture_of(s, x, x->dims[1], (x->dims[2] - size) / stride + 1,
                      (x->dims[3] - size) / stride + 1);
}

struct shim_tensor *shim_mean_pool2d(struct shim_scope *s, const struct shim_tensor *x,
                                     int64_t size)
{
    return shim_max_pool2d_stride(s, x, size, size);
}

struct shim_tensor *shim_interpolate(struct shim_scope *s, const struct shim_tensor *x,
                                     int64_t height, int64_t width, enum shim_resample how,
                                     bool align_corners)
{
    (void)how, (void)align_corners;
    return picture_of(s, x, x->dims[1], height, width);
}

/* ---- Running --------------------------------------------------------------------------------- */

static void run(struct operations_file *f, const struct operations_network *n)
{
    float *outputs[OPERATIONS_OUTPUTS_MAX] = {0}, *input = NULL;
    size_t count = operations_count(operations_input(n));
    if (count > COUNT_MAX || !(input = calloc(count, sizeof *input)))
        return;
    if (operations_run(f, n, 1, input, outputs, NULL) != ST_OK)
        abort();
    free(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct operations_file *f = NULL;
    if (operations_open(archive_of(data, n), "cpu", &f, NULL) != ST_OK)
        return 0;
    for (size_t i = 0; i < f->n_networks; i++)
        run(f, &f->networks[i]);
    operations_free(f);
    return 0;
}
