/*
 * The part of the configuration that a model takes as it is: struct config contains these structs.
 * No libtorch.
 *
 * The keys of the network. A row is
 *
 *     WHOLE(field, initial, low, high, help)      a whole number
 *     WORD(field, help, "word", …)                one of the words, by number; default: the first
 *     SWITCH(field, help)                         "false" (the default) or "true"
 *
 * From it follow the field of struct model_config, the configuration key model.FIELD (range,
 * default, help) and the entry FIELD of a checkpoint's "model". To add a key, add a row, and
 * implement it in architecture.c and python/bifrons/network.py.
 */
#ifndef BIFRONS_MODEL_MODEL_CONFIG_H
#define BIFRONS_MODEL_MODEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

enum { MODEL_SIZE_MAX_PX = 512, MODEL_BLOCKS_MAX = 8 };

/* clang-format off */
#define MODEL_KEYS(WHOLE, WORD, SWITCH) \
    WHOLE(image_size, 128, 64, MODEL_SIZE_MAX_PX, \
          "Side of the input and output pictures in pixels: model.code_size times a power of 2. " \
          "Twice the size takes about four times as long.") \
    WHOLE(code_size, 4, 2, 64, \
          "Side of the smallest activations in pixels; each level of the encoder halves the " \
          "picture until it has this size.") \
    WHOLE(latent, 128, 8, 4096, \
          "Channels of the code between encoder and decoders; with the dense bottleneck, the " \
          "length of the code. More channels keep more detail and make the model larger.") \
    WORD(bottleneck, \
         "conv: the code is a small picture with model.latent channels; dense: a vector between " \
         "two fully connected layers.", "conv", "dense") \
    WHOLE(width, 64, 8, 1024, \
          "Channels of activations of 64 x 64 pixels. Half the side has twice as many channels, " \
          "twice the side half as many.") \
    WHOLE(width_max, 256, 8, 4096, \
          "Largest number of channels, except of the code.") \
    WHOLE(blocks, 0, 0, MODEL_BLOCKS_MAX, \
          "Residual blocks at each resolution, from half the picture's to the code's, in the " \
          "encoder and in each decoder.") \
    WORD(upsample, \
         "How decoders double the resolution. transposed: 4 x 4 transposed convolutions. " \
         "subpixel: 3 x 3 convolutions to four times the channels, which become pixels.", \
         "transposed", "subpixel") \
    WORD(norm, \
         "group: residual blocks have a group normalization; none: no normalization.", \
         "none", "group") \
    SWITCH(mask, \
           "Each decoder also draws the mask of the face, as one more output.") \
    SWITCH(mean_codes, \
           "Learn each person's mean code, and shift the code of a swap from the source person's " \
           "mean to the other person's. This removes the identity that is left in the code.") \
    WORD(pose, \
         "predicted: the decoders also get the pose of the face: in training by the sets' points, " \
         "in a swap predicted from the code, so a swap keeps the expression and needs no points. " \
         "given: trains in the same way, but a swap takes the pose by the points of its picture " \
         "where they are known. Both need points in both sets, and loss.pose. none: the code alone.", \
         "none", "predicted", "given")
/* clang-format on */

/* Saved in every checkpoint; must agree when one is loaded. 0 stands for a key's initial value. */
struct model_config {
#define FIELD(field, ...) int field;
    MODEL_KEYS(FIELD, FIELD, FIELD)
#undef FIELD
};

/* The enums below are in the order of the keys' words. */
enum model_bottleneck {
    MODEL_BOTTLENECK_CONV, /* the code is (n, latent, code_size, code_size) */
    MODEL_BOTTLENECK_DENSE /* the code is (n, latent), between two fully connected layers */
};
/* How decoders double the resolution: X(NAME, kind of layer, kernel). Sub-pixel: Shi et al.,
 * "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
 * network", 2016. */
/* clang-format off */
#define UPSAMPLE_MAP(X) \
    X(TRANSPOSED, CONV_TRANSPOSE, 4) \
    X(SUBPIXEL, SUBPIXEL, 3)
/* clang-format on */
enum model_upsample {
#define X(NAME, ...) MODEL_UPSAMPLE_##NAME,
    UPSAMPLE_MAP(X)
#undef X
};
enum model_pose { MODEL_POSE_NONE, MODEL_POSE_PREDICTED, MODEL_POSE_GIVEN };
enum model_norm {
    MODEL_NORM_NONE,
    MODEL_NORM_GROUP /* in residual blocks (Wu and He, "Group normalization", 2018) */
};

/* How initial weights are drawn: src/model/network/init.h. */
enum model_init { MODEL_INIT_PYTORCH, MODEL_INIT_HE };

/*
 * The keys train.* that a model takes as they are. struct config and struct model_options contain
 * these fields twice, in a union: by name, and as one struct model_training that can be assigned.
 */
#define MODEL_TRAINING_FIELDS                                                           \
    double adam_beta1, adam_beta2, adam_eps;                                            \
    double weight_decay;  /* decoupled from the gradient, as in AdamW; 0: Adam */       \
    double ema;           /* decay a step of the parameters' moving average; 0: none */ \
    enum model_init init; /* initial weights */                                         \
    uint64_t seed;        /* of the initial weights */                                  \
    bool recompute;       /* compute each level again in backward, to save memory */
struct model_training {
    MODEL_TRAINING_FIELDS
};

enum model_discriminator_loss { MODEL_HINGE, MODEL_LEAST_SQUARES };

/* The discriminators (model/discriminators.h): keys discriminator.*. */
struct model_discriminators {
    enum model_discriminator_loss loss;
    int channels; /* output channels of the first layer */
    double r1;    /* weight of the gradient penalty; 0: none */
    double beta1, beta2;
    int64_t start_step; /* first step with the adversarial loss; the caller's to use */
    double lr;          /* for model_update_discriminators; the caller's to use */
};

#endif
