/*
 * The one table of losses. A row is
 *
 *     X(NAME, key, default weight, facts, help)
 *
 * It defines MODEL_LOSS_NAME, the configuration key loss.key with its default and help, the field
 * in struct config, the checks before training, and the names in logs, metrics and TensorBoard.
 *
 * To add a loss, add a row here and a function named after the key to src/model/loss/loss.c. Write
 * the loss in PyTorch in tests/python/test_losses.py; that test and tests/cli/test_every_key.py
 * fail until then. `bifrons plan` counts a loss's memory and time by a row in
 * src/driver/plan/work/plan_pictures.c. The formulas of the losses: model/model.h.
 */
#ifndef BIFRONS_BASE_LOSSES_H
#define BIFRONS_BASE_LOSSES_H

/* clang-format off */
#define LOSS_MAP(X) \
    X(L1, l1, 1, LOSS_COMPARES | LOSS_ALWAYS_REPORTED, \
      "Weight of the mean absolute difference between pixels.") \
    X(DSSIM, dssim, 0, LOSS_COMPARES | LOSS_ALWAYS_REPORTED, \
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
    X(POSE, pose, 0, LOSS_NEEDS_POINTS, \
      "Weight of the squared difference between the pose that the network predicts from a code " \
      "(model.pose) and the pose by the set's points. Start with 0.2.") \
    X(ADVERSARIAL, adversarial, 0, LOSS_NEEDS_DISCRIMINATORS, \
      "Weight of the adversarial loss: for each person a discriminator learns to tell pictures " \
      "from reconstructions. Start with 0.01 to 0.1.")
/* clang-format on */

/* LOSSES: the number of rows, equal to MODEL_OWN_LOSSES in model/model.h. MODEL_LOSSES there also
 * counts the discriminators' own two losses. */
enum {
#define X(name, ...) LOSS_ROW_##name,
    LOSS_MAP(X)
#undef X
        LOSSES
};

/* Properties of a loss, joined by |. */
/* clang-format off */
enum loss_facts {
    LOSS_COMPARES = 1,             /* compares the reconstruction with its picture; a configuration
                                      must give one such loss a weight */
    LOSS_ALWAYS_REPORTED = 2,          /* validations report it whatever its weight */
    LOSS_NEEDS_MASKS = 4,          /* masks in both sets, and decoders that draw masks (model.mask) */
    LOSS_NEEDS_SWAPS = 8,          /* swapped inputs (augment.back_translation) */
    LOSS_NEEDS_VGG = 16,           /* a VGG network (loss.perceptual_weights) */
    LOSS_NEEDS_DISCRIMINATORS = 32, /* discriminators, trained beside the network */
    LOSS_NEEDS_POINTS = 64         /* points in both sets, and a network with model.pose */
};
/* clang-format on */

#endif
