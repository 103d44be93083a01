/*
 * What a network is made of: one list of layers (model/layer_kinds.h), from which the network is
 * computed (src/model/network/network.c), its parameters are laid out and counted, and its cost is
 * told. No libtorch. The encoder and the decoders stand in encoder_decoder.c as they do in
 * python/bifrons.py.
 *
 *     encoder   (n, 3, S, S)  r128  r64  r32  r16  r8   code (n, latent, 4, 4)
 *     decoder   code (n, latent, 4, 4)  r8  r16  r32  r64  r128   (n, 3, S, S)
 *
 * A level halves or doubles the resolution and is named by the outer one: r128 lies between 128 and
 * 64. Residual blocks work at one resolution: b64.0, b64.1. Resolutions decide names and channels,
 * so a larger picture adds levels outside and leaves the inner ones as they are.
 *
 *     struct architecture *a;
 *     struct model_config config = {.image_size = 256, .latent = 512};
 *     enum status st = architecture_new(&config, &a, &em);
 *     if (st != ST_OK)
 *         return st;
 *     double macs = 0;
 *     for (size_t i = 0; i < a->n_layers; i++)
 *         macs += layer_macs(&a->layers[i]);
 *     architecture_free(a);
 */
#ifndef BIFRONS_MODEL_ARCHITECTURE_H
#define BIFRONS_MODEL_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/layer_kinds.h"
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

enum { MODEL_ENCODER, MODEL_DECODER_A, MODEL_DECODER_B, MODEL_POSE, MODEL_PARTS };
/* The layers of MODEL_POSE, which stand by themselves; without model.pose there are none. */
enum { POSE_TO_CODE, POSE_FROM_CODE };
/* "encoder", "decoder_a", "decoder_b", "pose". Static. */
const char *architecture_part_name(int part);

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
    const struct model_tensor *pose_scale;   /* (2, 70, 2) of A and B: mean, then deviation of their
                                                points' coordinates, within tensors; NULL: no poses */
    size_t n_layers, n_tensors;
    size_t first_layer[MODEL_PARTS + 1]; /* of each part; the last is n_layers */
    size_t part_count[MODEL_PARTS];      /* elements of each part's parameters */
    size_t count;                        /* of all */
};

/* c with every 0 that stands for another value replaced by it. */
struct model_config architecture_resolve(const struct model_config *c);

/* ST_CONFIG names the key and what it takes; ST_MEMORY. */
enum status architecture_new(const struct model_config *c, struct architecture **out,
                             struct errmsg *em) MUST_CHECK;
void architecture_free(struct architecture *a);
/* ST_OK where architecture_new would make one. */
enum status architecture_check(const struct model_config *c, struct errmsg *em) MUST_CHECK;

/* Growing (src/model/network/grow.h) carries a picture's colours and its mask through the new outer
 * levels, each value in a pair of channels: so many are needed at half of the picture's size. */
enum { ARCHITECTURE_CARRIED_CHANNELS = 8 };
/* ST_OK where a network as `from` can grow to the size of `to`, or is as large; else ST_CONFIG. */
enum status architecture_check_growth(const struct model_config *from,
                                      const struct model_config *to, struct errmsg *em) MUST_CHECK;

/* Channels of activations `size` pixels a side. */
int architecture_channels(const struct model_config *c, int size);

/* The same network, or "latent: 128 -> 512" of the first key that differs in out. */
bool architecture_same(const struct model_config *a, const struct model_config *b, char *out,
                       size_t out_bytes);

#endif
