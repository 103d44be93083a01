/*
 * The shapes of the networks that losses use: VGG of the perceptual loss, the discriminators of the
 * adversarial one. No libtorch.
 */
#ifndef BIFRONS_MODEL_LOSS_NETWORKS_H
#define BIFRONS_MODEL_LOSS_NETWORKS_H

#include "model/layer_kinds.h"

/*
 * The convolutions of VGG16 or VGG19 (Simonyan, Zisserman: "Very deep convolutional networks for
 * large-scale image recognition", ICLR 2015) up to relu4_3, with 3 x 3 kernels, padding 1 and a
 * ReLU behind each; maxima of 2 x 2 between two levels.
 */
struct vgg_conv {
    const char *name;
    int index_16, index_19; /* in torchvision's "features"; NOT_IN_VGG16 */
    int level;              /* works at 1 / 2^level of the picture's size */
    int n_in, n_out;
    bool tap; /* the loss compares features behind its ReLU */
};
enum { VGG_CONVS_MAX = 11, VGG_TAPS = 4, VGG_KERNEL = 3, NOT_IN_VGG16 = -1 };

/* Those of a depth of 16 or 19, in their order; returns how many. Static. */
int vgg_convs(int depth, const struct vgg_conv *out[VGG_CONVS_MAX]);

/*
 * A discriminator: convolutions with 4 x 4 kernels and padding 1, all but the last of stride 2 and
 * activated (LeakyReLU). It judges patches (Isola, Zhu, Zhou, Efros: "Image-to-image translation
 * with conditional adversarial networks", CVPR 2017): each number out sees 46 x 46 pixels.
 *
 *     (n, 3, S, S)  C  2 C  4 C  (n, 1, S / 8 - 1, S / 8 - 1)
 */
enum { DISCRIMINATOR_LAYERS = 4, DISCRIMINATOR_PADDING = 1 };
/* Those of adversary.channels = channels, for pictures of image_size pixels a side. */
void discriminator_layers(int channels, int image_size,
                          struct architecture_layer out[DISCRIMINATOR_LAYERS]);
/* 2, and 1 of the last. */
int discriminator_stride(int layer);

#endif
