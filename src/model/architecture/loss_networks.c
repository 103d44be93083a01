#include "model/loss_networks.h"

#include "base/poison.h"

/* clang-format off */
static const struct vgg_conv convs[VGG_CONVS_MAX] = {
    {"conv1_1",  0,            0,  0, 3,   64,  false},
    {"conv1_2",  2,            2,  0, 64,  64,  true},
    {"conv2_1",  5,            5,  1, 64,  128, false},
    {"conv2_2",  7,            7,  1, 128, 128, true},
    {"conv3_1",  10,           10, 2, 128, 256, false},
    {"conv3_2",  12,           12, 2, 256, 256, false},
    {"conv3_3",  14,           14, 2, 256, 256, true},
    {"conv3_4",  NOT_IN_VGG16, 16, 2, 256, 256, false},
    {"conv4_1",  17,           19, 3, 256, 512, false},
    {"conv4_2",  19,           21, 3, 512, 512, false},
    {"conv4_3",  21,           23, 3, 512, 512, true},
};
/* clang-format on */

int vgg_convs(int depth, const struct vgg_conv *out[VGG_CONVS_MAX])
{
    int n = 0;
    for (int i = 0; i < VGG_CONVS_MAX; i++)
        if (depth == 19 || convs[i].index_16 != NOT_IN_VGG16)
            out[n++] = &convs[i];
    return n;
}

int discriminator_stride(int layer)
{
    return layer < DISCRIMINATOR_LAYERS - 1 ? 2 : 1;
}

void discriminator_layers(int channels, int image_size,
                          struct architecture_layer out[DISCRIMINATOR_LAYERS])
{
    enum { RGB = 3, KERNEL = 4 };
    const int width[DISCRIMINATOR_LAYERS + 1] = {RGB, channels, 2 * channels, 4 * channels, 1};
    int size = image_size;
    for (int i = 0; i < DISCRIMINATOR_LAYERS; i++) {
        int stride = discriminator_stride(i);
        int size_out = (size + 2 * DISCRIMINATOR_PADDING - KERNEL) / stride + 1;
        out[i] = (struct architecture_layer){.kind = LAYER_CONV,
                                             .kernel = KERNEL,
                                             .n_in = width[i],
                                             .n_out = width[i + 1],
                                             .size_in = size,
                                             .size_out = size_out,
                                             .activated = stride == 2};
        size = size_out;
    }
}
