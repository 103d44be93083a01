#include "init.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "base/philox.h"
#include "base/poison.h"

static bool is_decoder(const struct model_tensor *t)
{
    return strncmp(t->name, "decoder", 7) == 0;
}

/* Both decoders start alike, so that from the first step on a code means the same to both. */
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

enum status init_parameters(const struct layout *l, struct shim_group *group, size_t element_bytes,
                            uint64_t seed, struct errmsg *em)
{
    size_t largest = 0, bytes, n_tensors = layout_weight(l, PARTS, 0);
    for (size_t i = 0; i < n_tensors; i++)
        largest = MAX(largest, l->tensors[i].count);
    void *memory = checked_mul(largest, element_bytes, &bytes) ? malloc(bytes) : NULL;
    if (!memory)
        return FAIL(em, ST_MEMORY, "no memory for the initial weights");
    enum status st = ST_OK;
    for (size_t i = 0; i < n_tensors && st == ST_OK; i++) {
        const struct model_tensor *t = &l->tensors[i], *weight = &l->tensors[i - i % 2];
        /* PyTorch takes dims[1] for transposed convolutions too, though that is their fan out */
        double fan_in = (double)(weight->dims[1] * weight->dims[2] * weight->dims[3]);
        fill(memory, t, element_bytes, 1.0 / sqrt(fan_in), seed);
        st = shim_group_write(group, SHIM_PARAMETERS, t->offset, memory, t->count, em);
    }
    free(memory);
    return st;
}
