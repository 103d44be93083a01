#include "init.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "base/philox.h"
#include "layers.h"

#include "base/poison.h"

static bool is_decoder(const struct model_tensor *t)
{
    return strncmp(t->name, "decoder", 7) == 0;
}

/* Both decoders start alike: a code means the same to both from the first step on. */
static uint64_t index_of(const struct model_tensor *t)
{
    const char *layer = strchr(t->name, '.') + 1;
    return hash64(layer, strlen(layer), is_decoder(t));
}

static void fill(void *memory, const struct model_tensor *t, size_t element_bytes, double bound,
                 uint64_t seed)
{
    struct philox p = philox_at(seed, PHILOX_INIT, index_of(t));
    for (size_t i = 0; i < t->count; i++) {
        float x = philox_uniform(&p, -(float)bound, (float)bound);
        if (element_bytes == sizeof(double))
            ((double *)memory)[i] = (double)x;
        else
            ((float *)memory)[i] = x;
    }
}

static void fill_normal(void *memory, const struct model_tensor *t, size_t element_bytes,
                        double deviation, uint64_t seed)
{
    struct philox p = philox_at(seed, PHILOX_INIT, index_of(t));
    for (size_t i = 0; i < t->count; i++) {
        double x = deviation * (double)philox_normal(&p);
        if (element_bytes == sizeof(double))
            ((double *)memory)[i] = (double)(float)x;
        else
            ((float *)memory)[i] = (float)x;
    }
}

static void fill_constant(void *memory, const struct model_tensor *t, size_t element_bytes,
                          double x)
{
    for (size_t i = 0; i < t->count; i++)
        if (element_bytes == sizeof(double))
            ((double *)memory)[i] = x;
        else
            ((float *)memory)[i] = (float)x;
}

/* The bound of weight and bias. */
static double pytorch_bound(const struct model_tensor *weight)
{
    /* also for transposed convolutions, whose fan out it is: PyTorch does so */
    int64_t fan_in = 1;
    for (int i = 1; i < weight->n_dims; i++)
        fan_in *= weight->dims[i];
    return 1.0 / sqrt((double)fan_in);
}

/* The bound of weights. */
static double he_bound(const struct architecture_layer *l)
{
    double gain = l->activated ? sqrt(3.0 * 2.0 / (1.0 + leaky_slope * leaky_slope)) : 1.0;
    return gain / sqrt((double)layer_facts(l).fan_in);
}

static enum status fill_mean_codes(void *memory, const struct architecture *a,
                                   struct shim_group *group, size_t element_bytes,
                                   struct errmsg *em)
{
    enum status st = ST_OK;
    for (int who = 0; who < MODEL_PEOPLE && a->mean_codes && st == ST_OK; who++) {
        const struct model_tensor *t = &a->mean_codes[who];
        fill_constant(memory, t, element_bytes, 0.0);
        st = shim_group_write(group, SHIM_PARAMETERS, t->offset, memory, t->count, em);
    }
    return st;
}

/* ---- Starts: functions that rows of model/layer_kinds.h name --------------------------------- */

/* Weight (0) or bias (1) of a layer. */
struct tensor_start {
    const struct architecture_layer *layer;
    const struct model_tensor *weight; /* the layer's; its bias is the next */
    size_t which, element_bytes;
    enum model_init init;
    uint64_t seed;
};

static void uniform(void *memory, const struct tensor_start *t)
{
    const struct model_tensor *tensor = t->weight + t->which;
    double deviation = t->layer->deviation;
    if (t->which != 0 && (deviation > 0 || t->init != MODEL_INIT_PYTORCH))
        fill_constant(memory, tensor, t->element_bytes, 0.0);
    else if (deviation > 0)
        fill_normal(memory, tensor, t->element_bytes, deviation, t->seed);
    else if (t->init == MODEL_INIT_PYTORCH)
        fill(memory, tensor, t->element_bytes, pytorch_bound(t->weight), t->seed);
    else
        fill(memory, tensor, t->element_bytes, he_bound(t->layer), t->seed);
}

static void ones_and_zeros(void *memory, const struct tensor_start *t)
{
    fill_constant(memory, t->weight + t->which, t->element_bytes, t->which == 0 ? 1.0 : 0.0);
}

static void (*const starts[LAYER_KINDS])(void *memory, const struct tensor_start *t) = {
#define X(NAME, name, word, start) [LAYER_##NAME] = (start),
    LAYER_MAP(X)
#undef X
};

enum status init_parameters(const struct architecture *a, struct shim_group *group,
                            size_t element_bytes, enum model_init init, uint64_t seed,
                            struct errmsg *em)
{
    size_t largest = 0, bytes;
    for (size_t i = 0; i < a->n_tensors; i++)
        largest = MAX(largest, a->tensors[i].count);
    void *memory = checked_mul(largest, element_bytes, &bytes) ? malloc(bytes) : NULL;
    if (!memory)
        return FAIL(em, ST_MEMORY, "no memory for the initial weights");
    enum status st = fill_mean_codes(memory, a, group, element_bytes, em);
    for (size_t i = 0; i < 2 * a->n_layers && st == ST_OK; i++) {
        const struct architecture_layer *l = &a->layers[i / 2];
        const struct model_tensor *t = &a->tensors[l->weight + i % 2];
        starts[l->kind](memory, &(struct tensor_start){.layer = l,
                                                       .weight = t - i % 2,
                                                       .which = i % 2,
                                                       .element_bytes = element_bytes,
                                                       .init = init,
                                                       .seed = seed});
        st = shim_group_write(group, SHIM_PARAMETERS, t->offset, memory, t->count, em);
    }
    free(memory);
    return st;
}
