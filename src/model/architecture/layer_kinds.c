#include "model/layer_kinds.h"

#include "base/poison.h"

static struct layer_facts conv_facts(const struct architecture_layer *l)
{
    int64_t in = l->n_in, out = l->n_out, k = l->kernel;
    return (struct layer_facts){
        .n_dims = 4,
        .dims = {out, in, k, k},
        .n_bias = out,
        .fan_in = in * k * k,
        .fused_gpu = true,
        .fused_cpu = l->size_out < l->size_in,
    };
}

static struct layer_facts conv_transpose_facts(const struct architecture_layer *l)
{
    int64_t in = l->n_in, out = l->n_out, k = l->kernel;
    return (struct layer_facts){
        .n_dims = 4,
        .dims = {in, out, k, k},
        .n_bias = out,
        .fan_in = in * k * k / 4, /* an output pixel meets 2 x 2 of the 4 x 4 taps */
        .fused_gpu = true,
        .fused_cpu = true,
    };
}

static struct layer_facts subpixel_facts(const struct architecture_layer *l)
{
    int64_t in = l->n_in, rows = 4 * (int64_t)l->n_out, k = l->kernel;
    return (struct layer_facts){
        .n_dims = 4,
        .dims = {rows, in, k, k},
        .n_bias = rows,
        .fan_in = in * k * k,
        .rearranged = true,
    };
}

static struct layer_facts group_norm_facts(const struct architecture_layer *l)
{
    return (struct layer_facts){.n_dims = 1, .dims = {l->n_out}, .n_bias = l->n_out, .fan_in = 1};
}

static struct layer_facts linear_facts(const struct architecture_layer *l)
{
    int64_t in = (int64_t)l->n_in * l->size_in * l->size_in;
    int64_t out = (int64_t)l->n_out * l->size_out * l->size_out;
    return (struct layer_facts){
        .n_dims = 2,
        .dims = {out, in},
        .n_bias = out,
        .fan_in = in,
        .rearranged = l->size_out > 1,
    };
}

/* ---- The table ------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    struct layer_facts (*facts)(const struct architecture_layer *l);
} kinds[LAYER_KINDS] = {
#define X(NAME, name, word, ...) [LAYER_##NAME] = {word, name##_facts},
    LAYER_MAP(X)
#undef X
};

struct layer_facts layer_facts(const struct architecture_layer *l)
{
    return kinds[l->kind].facts(l);
}

const char *layer_kind_word(enum layer_kind kind)
{
    return kinds[kind].word;
}

size_t layer_parameters(const struct architecture_layer *l)
{
    struct layer_facts f = layer_facts(l);
    int64_t weight = 1;
    for (int i = 0; i < f.n_dims; i++)
        weight *= f.dims[i];
    return (size_t)(weight + f.n_bias);
}

double layer_macs(const struct architecture_layer *l)
{
    return (double)layer_facts(l).fan_in * layer_activations(l);
}

double layer_activations(const struct architecture_layer *l)
{
    return (double)l->n_out * l->size_out * l->size_out;
}
