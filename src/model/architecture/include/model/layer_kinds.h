/*
 * The kinds of layers: one row each.
 *
 *     X(NAME, name, word, start)
 *
 * NAME: in enum layer_kind. name: begins the names of its functions and its table. word: the
 * field's name for it. start: the function of src/model/network/init.c that draws its initial
 * parameters.
 *
 * To add a kind: add a row here, two functions and a table: name_facts to
 * src/model/architecture/layer_kinds.c (shape, parameters and cost, without libtorch), name_apply
 * (what it computes) and the table name_resampling (how it grows a network; {0}: it cannot) to
 * src/model/network/layers.c. The build fails while one is missing. Add the same layer to
 * python/bifrons/network.py, and a case to tests/model/test_layers.c, which checks that all of them
 * agree.
 *
 * To use it: add it to the encoder or a decoder in src/model/architecture/encoder_decoder.c. If it
 * doubles the resolution, add a row to UPSAMPLE_MAP and a word to model.upsample
 * (model/model_config.h) instead.
 */
#ifndef BIFRONS_MODEL_LAYER_KINDS_H
#define BIFRONS_MODEL_LAYER_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define LAYER_MAP(X) \
    /* size_out < size_in: 4 x 4 of stride 2, halves the resolution; else 3 x 3 of stride 1 */ \
    X(CONV, conv, "convolution", uniform) \
    /* 4 x 4 of stride 2 (doubles the resolution) */ \
    X(CONV_TRANSPOSE, conv_transpose, "transposed convolution", uniform) \
    /* 3 x 3 to 4 * n_out channels, shuffled to twice the resolution */ \
    X(SUBPIXEL, subpixel, "sub-pixel convolution", uniform) \
    /* with a scale and a shift for each channel */ \
    X(GROUP_NORM, group_norm, "group normalization", ones_and_zeros) \
    /* fully connected; activations with a width and a height are flattened */ \
    X(LINEAR, linear, "linear layer", uniform)
/* clang-format on */

enum layer_kind {
#define X(NAME, ...) LAYER_##NAME,
    LAYER_MAP(X)
#undef X
        LAYER_KINDS
};

/* A residual block is y = x + second(first(x)). */
enum layer_residual {
    LAYER_PLAIN,
    LAYER_KEEPS_INPUT, /* first: its input x is kept */
    LAYER_ADDS_KEPT    /* second: x is added to its output */
};
/* Where a layer's output goes. */
enum layer_output {
    LAYER_TO_NEXT,
    LAYER_TO_PICTURE, /* sigmoid; the next layer has the same input as this one */
    LAYER_TO_MASK     /* likewise */
};

/* A layer maps (n, n_in, size_in, size_in) to (n, n_out, size_out, size_out); (n, n_in) at size
 * 1. */
struct architecture_layer {
    enum layer_kind kind;
    int part;              /* MODEL_ENCODER … */
    int kernel;            /* pixels a side; 0: none */
    int n_in, n_out;       /* channels */
    int size_in, size_out; /* pixels a side; 1 for vectors */
    int groups;            /* of LAYER_GROUP_NORM */
    double deviation;      /* standard deviation of normal initial weights, with biases 0; if this
                              is 0, `start` of the kind decides */
    bool activated;        /* followed by a LeakyReLU of slope 0.2 */
    bool begins_piece;     /* first layer of a piece: a level with its residual blocks, which
                              model_options.recompute computes again as a whole, or a head, whose
                              activations are always kept */
    enum layer_residual residual;
    enum layer_output output;
    size_t weight; /* index of its weight in tensors; its bias is the next one */
};

/* Facts that follow from a layer's kind and sizes. */
struct layer_facts {
    int n_dims; /* of the weight, as PyTorch's module has it */
    int64_t dims[4];
    int64_t n_bias;
    int64_t fan_in;            /* products in one number of the output */
    bool fused_gpu, fused_cpu; /* computed together with its activation: one result, not two */
    bool rearranged;           /* its output is copied to another layout: one result more */
};
struct layer_facts layer_facts(const struct architecture_layer *l);

/* "convolution". Static. */
const char *layer_kind_word(enum layer_kind kind);

/* Number of parameters: weight and bias. */
size_t layer_parameters(const struct architecture_layer *l);
/* Multiplications (each with an addition) of one picture's forward pass; backward takes about twice
 * as many. */
double layer_macs(const struct architecture_layer *l);
/* Elements of one picture's output, which a training step keeps until backward. */
double layer_activations(const struct architecture_layer *l);

#endif
