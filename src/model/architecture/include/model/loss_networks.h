/*
 * The shapes of the networks that losses use: VGG (perceptual loss) and discriminators (adversarial
 * loss). No libtorch.
 */
#ifndef BIFRONS_MODEL_LOSS_NETWORKS_H
#define BIFRONS_MODEL_LOSS_NETWORKS_H

#include "model/layer_kinds.h"

/*
 * The convolutions of VGG16 or VGG19 up to relu4_3 (Simonyan, Zisserman: "Very deep convolutional
 * networks for large-scale image recognition", ICLR 2015): 3 x 3 kernels, padding 1, each followed
 * by a ReLU; maxima over 2 x 2 pixels between levels.
 */
struct vgg_conv {
    const char *name;
    int index_16, index_19; /* in torchvision's "features"; NOT_IN_VGG16 */
    int level;              /* works at 1 / 2^level of the picture's resolution */
    int n_in, n_out;
    bool tap; /* the loss compares the features after its ReLU */
};
enum { VGG_CONVS_MAX = 11, VGG_TAPS = 4, VGG_KERNEL = 3, NOT_IN_VGG16 = -1 };

/* The convolutions for depth 16 or 19, in order; returns their number. Static. */
int vgg_convs(int depth, const struct vgg_conv *out[VGG_CONVS_MAX]);

/*
 * A discriminator: convolutions with 4 x 4 kernels and padding 1. All but the last have stride 2
 * and a LeakyReLU. Each number of the output sees a patch of 46 x 46 pixels (Isola, Zhu, Zhou,
 * Efros: "Image-to-image translation with conditional adversarial networks", CVPR 2017).
 *
 *     (n, 3, S, S)  C  2 C  4 C  (n, 1, S / 8 - 1, S / 8 - 1)
 */
enum { DISCRIMINATOR_LAYERS = 4, DISCRIMINATOR_PADDING = 1 };
/* The layers, for discriminator.channels = channels and pictures of image_size pixels a side. */
void discriminator_layers(int channels, int image_size,
                          struct architecture_layer out[DISCRIMINATOR_LAYERS]);
/* 2; 1 for the last layer. */
int discriminator_stride(int layer);

#endif
