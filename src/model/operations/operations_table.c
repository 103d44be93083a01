/* The operations: for each its checks, the shape of its result, and how it runs. */
#include <string.h>

#include "base/checked.h"
#include "operations_priv.h"
#include "shim/inference.h"

#include "base/poison.h"

/* What is wrong unless a tensor has one number for each channel of the operation's input; NULL: it
 * does. */
static const char *channels_misfit(const struct operations_network *n, const int64_t *numbers,
                                   size_t which)
{
    const struct operations_tensor *t = &n->tensors[numbers[which]];
    return t->n_dims == 1 && t->dims[0] == n->shapes[numbers[0]].channels
               ? NULL
               : "its tensor does not have one number for each channel";
}

static const char *affine_shape(const struct operations_network *n, const int64_t *numbers,
                                struct operations_shape *out)
{
    *out = n->shapes[numbers[0]];
    const char *why = channels_misfit(n, numbers, 1);
    return why ? why : channels_misfit(n, numbers, 2);
}

/* One number for each channel, shaped to broadcast over (N, C, H, W). */
static struct shim_tensor *per_channel(struct shim_scope *s, const struct operations_tensor *t)
{
    return shim_reshape(s, t->tensor, 4, (int64_t[]){1, t->dims[0], 1, 1});
}

static struct shim_tensor *affine_run(struct shim_scope *s, const struct operations_network *n,
                                      struct shim_tensor *const *values, const int64_t *numbers)
{
    struct shim_tensor *scale = per_channel(s, &n->tensors[numbers[1]]);
    struct shim_tensor *offset = per_channel(s, &n->tensors[numbers[2]]);
    return shim_add(s, shim_mul(s, values[numbers[0]], scale), offset);
}

static const char *conv_shape(const struct operations_network *n, const int64_t *numbers,
                              struct operations_shape *out)
{
    struct operations_shape x = n->shapes[numbers[0]];
    const struct operations_tensor *w = &n->tensors[numbers[1]], *bias = &n->tensors[numbers[2]];
    int64_t stride = numbers[3], pad = numbers[4], k = w->dims[2];
    if (w->n_dims != 4 || k != w->dims[3])
        return "its weight is not (out, in, k, k)";
    if (x.channels % w->dims[1] != 0 || w->dims[0] % (x.channels / w->dims[1]) != 0)
        return "its weight is for another number of channels";
    if (bias->n_dims != 1 || bias->dims[0] != w->dims[0])
        return "its bias does not have one number for each channel";
    if (stride < 1 || pad >= k)
        return "its stride or padding is out of range";
    if (x.height + 2 * pad < k || x.width + 2 * pad < k)
        return "its kernel is larger than its input";
    *out = (struct operations_shape){w->dims[0], (x.height + 2 * pad - k) / stride + 1,
                                     (x.width + 2 * pad - k) / stride + 1};
    return NULL;
}

static struct shim_tensor *conv_run(struct shim_scope *s, const struct operations_network *n,
                                    struct shim_tensor *const *values, const int64_t *numbers)
{
    return shim_conv2d(s, values[numbers[0]], n->tensors[numbers[1]].tensor,
                       n->tensors[numbers[2]].tensor, numbers[3], numbers[4]);
}

static const char *relu_shape(const struct operations_network *n, const int64_t *numbers,
                              struct operations_shape *out)
{
    *out = n->shapes[numbers[0]];
    return NULL;
}

static struct shim_tensor *relu_run(struct shim_scope *s, const struct operations_network *n,
                                    struct shim_tensor *const *values, const int64_t *numbers)
{
    (void)n;
    return shim_leaky_relu(s, values[numbers[0]], 0);
}

static const char *prelu_shape(const struct operations_network *n, const int64_t *numbers,
                               struct operations_shape *out)
{
    *out = n->shapes[numbers[0]];
    return channels_misfit(n, numbers, 1);
}

static struct shim_tensor *prelu_run(struct shim_scope *s, const struct operations_network *n,
                                     struct shim_tensor *const *values, const int64_t *numbers)
{
    return shim_prelu(s, values[numbers[0]], n->tensors[numbers[1]].tensor);
}

static const char *add_shape(const struct operations_network *n, const int64_t *numbers,
                             struct operations_shape *out)
{
    struct operations_shape a = n->shapes[numbers[0]], b = n->shapes[numbers[1]];
    *out = a;
    return a.channels == b.channels && a.height == b.height && a.width == b.width
               ? NULL
               : "its two inputs have two shapes";
}

static struct shim_tensor *add_run(struct shim_scope *s, const struct operations_network *n,
                                   struct shim_tensor *const *values, const int64_t *numbers)
{
    (void)n;
    return shim_add(s, values[numbers[0]], values[numbers[1]]);
}

static const char *pad_shape(const struct operations_network *n, const int64_t *numbers,
                             struct operations_shape *out)
{
    *out = n->shapes[numbers[0]];
    out->channels += numbers[1];
    out->height += numbers[2] + numbers[3];
    out->width += numbers[4] + numbers[5];
    return NULL;
}

static struct shim_tensor *pad_run(struct shim_scope *s, const struct operations_network *n,
                                   struct shim_tensor *const *values, const int64_t *numbers)
{
    (void)n;
    return shim_pad(s, values[numbers[0]], numbers[1], numbers + 2);
}

static const char *pooled(struct operations_shape x, int64_t k, int64_t stride,
                          struct operations_shape *out)
{
    if (k < 1 || stride < 1)
        return "its size or stride is 0";
    if (x.height < k || x.width < k)
        return "its squares are larger than its input";
    *out = (struct operations_shape){x.channels, (x.height - k) / stride + 1,
                                     (x.width - k) / stride + 1};
    return NULL;
}

static const char *max_pool_shape(const struct operations_network *n, const int64_t *numbers,
                                  struct operations_shape *out)
{
    return pooled(n->shapes[numbers[0]], numbers[1], numbers[2], out);
}

static struct shim_tensor *max_pool_run(struct shim_scope *s, const struct operations_network *n,
                                        struct shim_tensor *const *values, const int64_t *numbers)
{
    (void)n;
    return shim_max_pool2d_stride(s, values[numbers[0]], numbers[1], numbers[2]);
}

static const char *mean_pool_shape(const struct operations_network *n, const int64_t *numbers,
                                   struct operations_shape *out)
{
    return pooled(n->shapes[numbers[0]], numbers[1], numbers[1], out);
}

static struct shim_tensor *mean_pool_run(struct shim_scope *s, const struct operations_network *n,
                                         struct shim_tensor *const *values, const int64_t *numbers)
{
    (void)n;
    return shim_mean_pool2d(s, values[numbers[0]], numbers[1]);
}

static const char *resize_shape(const struct operations_network *n, const int64_t *numbers,
                                struct operations_shape *out)
{
    if (numbers[1] < 1 || numbers[2] < 1 || numbers[3] > 1)
        return "its size or way of placing samples is out of range";
    *out = (struct operations_shape){n->shapes[numbers[0]].channels, numbers[1], numbers[2]};
    return NULL;
}

static struct shim_tensor *resize_run(struct shim_scope *s, const struct operations_network *n,
                                      struct shim_tensor *const *values, const int64_t *numbers)
{
    (void)n;
    return shim_interpolate(s, values[numbers[0]], numbers[1], numbers[2], SHIM_BILINEAR,
                            numbers[3] == 1);
}

static const struct operation_kind kinds[] = {
    {"affine",    "vtt",    affine_shape,    affine_run   },
    {"conv",      "vttnn",  conv_shape,      conv_run     },
    {"relu",      "v",      relu_shape,      relu_run     },
    {"prelu",     "vt",     prelu_shape,     prelu_run    },
    {"add",       "vv",     add_shape,       add_run      },
    {"pad",       "vnnnnn", pad_shape,       pad_run      },
    {"max_pool",  "vnn",    max_pool_shape,  max_pool_run },
    {"mean_pool", "vn",     mean_pool_shape, mean_pool_run},
    {"resize",    "vnnn",   resize_shape,    resize_run   },
};

const struct operation_kind *operation_kind_find(const char *name, size_t bytes)
{
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
        if (strlen(kinds[i].name) == bytes && memcmp(kinds[i].name, name, bytes) == 0)
            return &kinds[i];
    return NULL;
}

const char *operation_check(struct operations_network *n, size_t index)
{
    const struct operation *o = &n->operations[index - 1];
    for (size_t i = 0; o->kind->numbers[i]; i++) {
        int64_t number = o->numbers[i];
        switch (o->kind->numbers[i]) {
        case 'v':
            if (number < 0 || number >= (int64_t)index)
                return "it takes a value that no earlier operation gives";
            break;
        case 't':
            if (number < 0 || number >= (int64_t)n->n_tensors)
                return "it takes a tensor that is not there";
            break;
        default:
            if (number < 0 || number > OPERATION_ARGUMENT_LIMIT)
                return "one of its numbers is out of range";
        }
    }
    struct operations_shape out = {0};
    const char *why = o->kind->shape(n, o->numbers, &out);
    if (!why && operations_count(out) > OPERATIONS_ELEMENTS_MAX)
        why = "its result is too large";
    n->shapes[index] = out;
    return why;
}
