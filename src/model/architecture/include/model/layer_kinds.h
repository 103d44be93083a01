/*
 * The kinds of layers, once. A row is
 *
 *     X(NAME, name, word, start)
 *
 * NAME in enum layer_kind, the name its functions begin with, what the field calls it, and how its
 * parameters start (a function of src/model/network/init.c).
 *
 * To add a kind, add a row here. Add its functions: name_facts to
 * src/model/architecture/layer_kinds.c (shape, parameters and cost, without libtorch), name_apply
 * and name_resampling to src/model/network/layers.c (what it computes, and how a network grows by
 * it, if it can). It does not compile while one is missing. Add the same layer to python/bifrons.py
 * and a case to tests/model/test_layers.c, which checks that all of them agree.
 *
 * To use it, say in src/model/architecture/encoder_decoder.c where the layer stands, or, where it
 * doubles the resolution, add a row to UPSAMPLE_MAP and a word to model.upsample
 * (model/model_config.h).
 */
#ifndef BIFRONS_MODEL_LAYER_KINDS_H
#define BIFRONS_MODEL_LAYER_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define LAYER_MAP(X) \
    /* 4 x 4 of stride 2, which halves the resolution, or 3 x 3 of stride 1 */ \
    X(CONV, conv, "convolution", uniform) \
    /* 4 x 4 of stride 2, which doubles the resolution */ \
    X(CONV_TRANSPOSE, conv_transpose, "transposed convolution", uniform) \
    /* 3 x 3 to 4 * n_out channels, shuffled to twice the resolution */ \
    X(SUBPIXEL, subpixel, "sub-pixel convolution", uniform) \
    /* with scale and shift of each channel */ \
    X(GROUP_NORM, group_norm, "group normalization", ones_and_zeros) \
    /* fully connected; activations of more than a pixel a side are its input or output, too */ \
    X(LINEAR, linear, "linear layer", uniform)
/* clang-format on */

enum layer_kind {
#define X(NAME, ...) LAYER_##NAME,
    LAYER_MAP(X)
#undef X
        LAYER_KINDS
};

/* What becomes of a layer's input besides: y = x + second(first(x)) is a residual block. */
enum layer_residual {
    LAYER_PLAIN,
    LAYER_KEEPS_INPUT, /* until … */
    LAYER_ADDS_KEPT    /* … it is added to this layer's output */
};
/* What becomes of its output. */
enum layer_output {
    LAYER_TO_NEXT,
    LAYER_TO_PICTURE, /* sigmoid; the next layer has the same input as this one */
    LAYER_TO_MASK     /* likewise */
};

/* A layer: (n, n_in, size_in, size_in) to (n, n_out, size_out, size_out). Of size 1: (n, n_in). */
struct architecture_layer {
    enum layer_kind kind;
    int part;              /* MODEL_ENCODER … */
    int kernel;            /* pixels a side; 0 where it has none */
    int n_in, n_out;       /* channels */
    int size_in, size_out; /* pixels a side; 1 for numbers */
    int groups;            /* of LAYER_GROUP_NORM */
    double deviation;      /* weights start normal, of this deviation, with biases 0; 0: by kind */
    bool activated;        /* LeakyReLU of slope 0.2 behind it */
    bool begins_piece; /* of what model_options.recompute computes again as a whole: a level with
                          the residual blocks behind it, or a head */
    enum layer_residual residual;
    enum layer_output output;
    size_t weight; /* index of its weight in tensors; its bias is the next one */
};

/* What follows from a layer's kind and sizes. */
struct layer_facts {
    int n_dims; /* of the weight, as PyTorch's module has it */
    int64_t dims[4];
    int64_t n_bias;
    int64_t n_summed;          /* products that are summed in one number of the output */
    bool fused_gpu, fused_cpu; /* its activation is computed with it, and is no result of its own */
    bool rearranged;           /* its output is moved in memory, which is one result more */
};
struct layer_facts layer_facts(const struct architecture_layer *l);

/* "convolution". Static. */
const char *layer_kind_word(enum layer_kind kind);

/* Weight and bias. */
size_t layer_parameters(const struct architecture_layer *l);
/* Multiplications (each with an addition) of one picture's forward pass; backward takes about twice
 * as many. */
double layer_macs(const struct architecture_layer *l);
/* Elements of one picture's output, which a training step keeps until backward. */
double layer_activations(const struct architecture_layer *l);

#endif
