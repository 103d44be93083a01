/*
 * What a network is made of: one list of layers, from which the network is walked
 * (model/network.c), its parameters are laid out and counted, and its cost is told. No libtorch.
 *
 *     encoder   (n, 3, S, S)  r128  r64  r32  r16  r8   code (n, latent, 4, 4)
 *     decoder   code (n, latent, 4, 4)  r8  r16  r32  r64  r128   (n, 3, S, S)
 *
 * A stage halves or doubles the resolution and is named by the outer one: r128 lies between 128 and
 * 64. Residual blocks work at one resolution: b64.0, b64.1. Resolutions decide names and channels,
 * so a larger picture adds stages outside and leaves the inner ones as they are.
 *
 *     struct architecture *a;
 *     struct model_config config = {.image_size = 256, .latent = 512};
 *     enum status st = architecture_new(&config, &a, &em);
 *     if (st != ST_OK)
 *         return st;
 *     double macs = 0;
 *     for (size_t i = 0; i < a->n_layers; i++)
 *         macs += architecture_layer_macs(a, &a->layers[i]);
 *     architecture_free(a);
 */
#ifndef BIFRONS_MODEL_ARCHITECTURE_H
#define BIFRONS_MODEL_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/model_config.h"

/* The rows of MODEL_KEYS, to be walked. */
struct architecture_key {
    const char *name;
    size_t offset; /* of an int in struct model_config */
    int initial, low, high;
    const char *const *words; /* of its values, NULL-terminated; NULL: it is a number */
};
size_t architecture_keys(const struct architecture_key **keys_out);
int architecture_get(const struct model_config *c, const struct architecture_key *key);
void architecture_set(struct model_config *c, const struct architecture_key *key, int value);

enum { MODEL_ENCODER, MODEL_DECODER_A, MODEL_DECODER_B, MODEL_PARTS };
/* "encoder", "decoder_a", "decoder_b". Static. */
const char *architecture_part_name(int part);

enum layer_kind {
    LAYER_HALVE,    /* 4 x 4 convolution of stride 2 */
    LAYER_TWICE,    /* 4 x 4 transposed convolution of stride 2 */
    LAYER_SUBPIXEL, /* 3 x 3 convolution to 4 * n_out channels, shuffled to twice the resolution */
    LAYER_CONV,     /* 3 x 3 convolution within a residual block */
    LAYER_NORM,     /* group normalization with scale and shift */
    LAYER_FLATTEN,  /* fully connected, from n_in channels at size_in to n_out numbers */
    LAYER_UNFLATTEN /* … from n_in numbers to n_out channels at size_out */
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

struct architecture_layer {
    enum layer_kind kind;
    int part;              /* MODEL_ENCODER … */
    int kernel;            /* pixels a side; 0 where it has none */
    int n_in, n_out;       /* channels */
    int size_in, size_out; /* pixels a side; 1 for numbers */
    int groups;            /* of LAYER_NORM */
    bool activated;        /* LeakyReLU of slope 0.2 behind it */
    enum layer_residual residual;
    enum layer_output output;
    size_t weight; /* index of its weight in tensors; its bias is the next one */
};

/* One parameter tensor within the flat arrays. */
struct model_tensor {
    const char *name; /* "encoder.r128.weight" */
    int n_dims;
    int64_t dims[4];
    size_t offset, count; /* elements */
};

/* Borrowed by readers, never changed. */
struct architecture {
    struct model_config config;              /* without zeros that stand for something else */
    const struct architecture_layer *layers; /* in the order in which they are run, part by part */
    const struct model_tensor *tensors;      /* in the order of python/'s parameters() */
    const struct model_tensor *mean_codes;   /* of A, then of B, within tensors; NULL: has none */
    size_t n_layers, n_tensors;
    size_t first_layer[MODEL_PARTS + 1]; /* of each part; the last is n_layers */
    size_t part_count[MODEL_PARTS];      /* elements of each part's parameters */
    size_t count;                        /* of all */
};

/* ST_CONFIG names the key and what it takes; ST_MEMORY. */
enum status architecture_new(const struct model_config *c, struct architecture **out,
                             struct errmsg *em) MUST_CHECK;
void architecture_free(struct architecture *a);
/* ST_OK where architecture_new would make one. */
enum status architecture_check(const struct model_config *c, struct errmsg *em) MUST_CHECK;

/* Growing (model/grow.h) carries a picture's colours and its mask through the new outer stages,
 * each value in a pair of channels: so many are needed at half of the picture's size. */
enum { ARCHITECTURE_CARRIED_CHANNELS = 8 };
/* ST_OK where a network as `from` can grow to the size of `to`, or is as large; else ST_CONFIG. */
enum status architecture_check_growth(const struct model_config *from,
                                      const struct model_config *to, struct errmsg *em) MUST_CHECK;

/* Channels of activations `size` pixels a side. */
int architecture_channels(const struct model_config *c, int size);
/* Parameters of a layer: weight and bias. */
size_t architecture_layer_parameters(const struct architecture *a,
                                     const struct architecture_layer *l);
/* Multiplications (each with an addition) of one picture's forward pass; backward takes about twice
 * as many. */
double architecture_layer_macs(const struct architecture *a, const struct architecture_layer *l);
/* Elements of one picture's output, which a training step keeps until backward. */
double architecture_layer_activations(const struct architecture_layer *l);

/*
 * Does a piece begin here? Each stage with the residual blocks behind it is one; with
 * model_options.recompute a training step keeps a piece's input only, and of the heads, which are
 * pieces of their own, everything.
 */
bool architecture_begins_piece(const struct architecture_layer *l);

/* The same network, or "latent: 128 -> 512" of the first key that differs in out. */
bool architecture_same(const struct model_config *a, const struct model_config *b, char *out,
                       size_t out_bytes);

#endif
