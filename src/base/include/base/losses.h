/*
 * The losses of a reconstruction, once. A row is
 *
 *     X(NAME, key, initial weight, facts, help)
 *
 * and from it follow MODEL_LOSS_NAME, the configuration key loss.key with its default and help, its
 * field in struct config, what is checked before training, and the names in logs, metrics and
 * TensorBoard. To add a loss, add a row here and a function of the row's key to
 * src/model/loss/loss.c, and write it in PyTorch in tests/python/test_losses.py, which fails until
 * then, as does tests/cli/test_every_key.py. What the losses are: model/model.h. What a loss costs
 * is not known from here: `bifrons plan` counts it by a row in src/driver/plan/plan_pictures.c.
 */
#ifndef BIFRONS_BASE_LOSSES_H
#define BIFRONS_BASE_LOSSES_H

/* clang-format off */
#define LOSS_MAP(X) \
    X(L1, l1, 1, LOSS_COMPARES | LOSS_ALWAYS_TOLD, \
      "Weight of the mean absolute difference between pixels.") \
    X(DSSIM, dssim, 0, LOSS_COMPARES | LOSS_ALWAYS_TOLD, \
      "Weight of structural dissimilarity, (1 - SSIM) / 2: sharper features than L1 alone.") \
    X(GRADIENT, gradient, 0, 0, \
      "Weight of the mean absolute difference between the gradients of reconstruction and " \
      "picture, to each pixel's right and lower neighbour. It does not see a wrong colour: keep " \
      "loss.l1 or loss.dssim beside it.") \
    X(PERCEPTUAL, perceptual, 0, LOSS_COMPARES | LOSS_NEEDS_VGG, \
      "Weight of the perceptual loss: squared differences of the features relu1_2, relu2_2, " \
      "relu3_3 and relu4_3 of a frozen VGG16 or VGG19. 0.1 is where to begin (--perceptual); " \
      "it multiplies the time of a step. Needs loss.perceptual_weights.") \
    X(MASK_HEAD, mask_head, 0, LOSS_NEEDS_MASKS, \
      "Weight of the squared difference between the mask that a decoder draws (model.mask) and " \
      "the face mask of the set.") \
    X(LATENT, latent, 0, LOSS_NEEDS_SWAPS, \
      "Weight of the difference between the code of the network's own swap and that of the " \
      "picture it was made from (augment.back_translation), relative to the code: a code is to " \
      "say what a face does, not whose it is. 0.1 is where to begin.") \
    X(POSE, pose, 0, LOSS_NEEDS_POINTS, \
      "Weight of the squared difference between the pose that the network predicts from a code " \
      "(model.pose) and that of the set's points. 0.2 is where to begin.") \
    X(ADVERSARIAL, adversarial, 0, LOSS_NEEDS_DISCRIMINATORS, \
      "Weight of the adversarial loss: for each person a discriminator learns to tell pictures " \
      "from reconstructions. 0.01 to 0.1 is where to begin.")
/* clang-format on */

/* How many. */
enum {
#define X(name, ...) LOSS_ROW_##name,
    LOSS_MAP(X)
#undef X
        LOSSES
};

/* What there is to know of a loss beside its function. */
enum loss_facts {
    LOSS_COMPARES = 1,    /* the reconstruction with its picture: one of these has a weight */
    LOSS_ALWAYS_TOLD = 2, /* by validations, whatever its weight */
    LOSS_NEEDS_MASKS = 4, /* of both sets, and of the decoders (model.mask) */
    LOSS_NEEDS_SWAPS = 8, /* swaps that are to be turned back (augment.back_translation) */
    LOSS_NEEDS_VGG = 16,  /* loss.perceptual_weights */
    LOSS_NEEDS_DISCRIMINATORS = 32, /* trained beside the network */
    LOSS_NEEDS_POINTS = 64          /* of both sets, and of the network (model.pose) */
};

#endif
