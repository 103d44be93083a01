/*
 * The network as one list of layers (model/layer_kinds.h). From it the network is computed
 * (src/model/network/network.c), parameters are laid out and counted, and costs follow. No
 * libtorch. The encoder and the decoders are in encoder_decoder.c, written as in
 * python/bifrons/network.py.
 *
 *     encoder   (n, 3, S, S)  r128  r64  r32  r16  r8   code (n, latent, 4, 4)
 *     decoder   code (n, latent, 4, 4)  r8  r16  r32  r64  r128   (n, 3, S, S)
 *
 * A level halves or doubles the resolution. Its name has the larger resolution: r128 lies between
 * 128 and 64. Residual blocks keep the resolution: b64.0, b64.1. Names and channels depend on
 * resolutions only, so a larger picture adds outer levels and leaves the inner ones unchanged.
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

/* The rows of MODEL_KEYS as data. */
struct architecture_key {
    const char *name;
    size_t offset; /* of an int in struct model_config */
    int initial, low, high;
    const char *const *words; /* its values, NULL-terminated; NULL: the key is a number */
};
size_t architecture_keys(const struct architecture_key **keys_out);
int architecture_get(const struct model_config *c, const struct architecture_key *key);
void architecture_set(struct model_config *c, const struct architecture_key *key, int value);

enum { MODEL_ENCODER, MODEL_DECODER_A, MODEL_DECODER_B, MODEL_POSE, MODEL_PARTS };
/* The layers of MODEL_POSE: z to what it adds to a code, and a code to z. Without model.pose there
 * are none. */
enum { POSE_TO_CODE, POSE_FROM_CODE };
/* "encoder", "decoder_a", "decoder_b", "pose". Static. */
const char *architecture_part_name(int part);

/* One parameter tensor and its place in the flat arrays. */
struct model_tensor {
    const char *name; /* "encoder.r128.weight" */
    int n_dims;
    int64_t dims[4];
    size_t offset, count; /* elements */
};

/* Read only. */
struct architecture {
    struct model_config config;              /* as architecture_resolve gives it */
    const struct architecture_layer *layers; /* in the order of the forward pass, part by part */
    const struct model_tensor *tensors;      /* in the order of parameters() in network.py */
    const struct model_tensor *mean_codes;   /* A's and B's, in tensors; NULL: none */
    const struct model_tensor *pose_scale;   /* mean and deviation of points, (2, 70, 2) of A and B
                                                each, in tensors; NULL: no poses */
    size_t n_layers, n_tensors;
    size_t first_layer[MODEL_PARTS + 1]; /* of each part; the last entry is n_layers */
    size_t part_count[MODEL_PARTS];      /* parameters of each part */
    size_t count;                        /* all parameters */
};

/* c with every 0 replaced by the initial value that it stands for. */
struct model_config architecture_resolve(const struct model_config *c);

/* ST_CONFIG names the key and the values allowed; ST_MEMORY. */
enum status architecture_new(const struct model_config *c, struct architecture **out,
                             struct errmsg *em) MUST_CHECK;
void architecture_free(struct architecture *a);
/* ST_OK if architecture_new would accept c. */
enum status architecture_check(const struct model_config *c, struct errmsg *em) MUST_CHECK;

/* Channels that growing (src/model/network/grow.h) needs at half the picture's size: a pair for
 * each colour and for the mask. */
enum { ARCHITECTURE_CARRIED_CHANNELS = 8 };
/* ST_OK if a network `from` can grow to the size of `to`, or is as large; else ST_CONFIG. */
enum status architecture_check_growth(const struct model_config *from,
                                      const struct model_config *to, struct errmsg *em) MUST_CHECK;

/* Channels of activations of size x size pixels. */
int architecture_channels(const struct model_config *c, int size);

/* Are the networks the same? If not, out names the first key that differs: "latent: 128 -> 512". */
bool architecture_same(const struct model_config *a, const struct model_config *b, char *out,
                       size_t out_bytes);

#endif
