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
      "picture, to each pixel's right and lower neighbour. It does not see a wrong colour: use " \
      "it with loss.l1 or loss.dssim.") \
    X(PERCEPTUAL, perceptual, 0, LOSS_COMPARES | LOSS_NEEDS_VGG, \
      "Weight of the perceptual loss: squared differences of the features relu1_2, relu2_2, " \
      "relu3_3 and relu4_3 of a frozen VGG16 or VGG19. Start with 0.1 (--perceptual); " \
      "steps take several times as long. Needs loss.perceptual_weights.") \
    X(MASK_HEAD, mask_head, 0, LOSS_NEEDS_MASKS, \
      "Weight of the squared difference between the decoder's mask (model.mask) and the face " \
      "mask of the set.") \
    X(LATENT, latent, 0, LOSS_NEEDS_SWAPS, \
      "Weight of the difference between the code of the network's own swap and the code of its " \
      "source picture (augment.back_translation), relative to the code. The code then describes " \
      "what a face does, not whose it is. Start with 0.1.") \
    X(ADVERSARIAL, adversarial, 0, LOSS_NEEDS_DISCRIMINATORS, \
      "Weight of the adversarial loss: for each person a discriminator learns to tell pictures " \
      "from reconstructions. Start with 0.01 to 0.1.")
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
    LOSS_NEEDS_DISCRIMINATORS = 32 /* trained beside the network */
};

#endif
