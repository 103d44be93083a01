/*
 * The convolutions of VGG16 or VGG19 up to relu4_3 (model/loss_networks.h), frozen: pictures to
 * features.
 *
 *     conv1_1 relu conv1_2 relu > pool conv2_1 relu conv2_2 relu > pool conv3_1 … conv3_3 relu >
 *     (conv3_4 relu) pool conv4_1 … conv4_3 relu >                    conv3_4: in VGG19 only
 *
 * Features are taken at each ">": relu1_2, relu2_2, relu3_3, relu4_3, at 1, 1/2, 1/4 and 1/8 of the
 * size. Pictures in [0, 1] are first normalised by ImageNet's mean and deviation.
 *
 * The weights come from a file with torchvision's names ("features.0.weight", …). They are on the
 * device once, are not in a parameter group and get no gradient.
 */
#ifndef BIFRONS_MODEL_VGG_H
#define BIFRONS_MODEL_VGG_H

#include <stdint.h>

#include "model/loss_networks.h"
#include "shim/shim.h"

struct vgg;

/*
 * dtype: F32 or F64, that of the scopes it is used with; autocast: the weights are kept in bf16.
 * ST_NOINPUT, with where to get the file; ST_DATA: another network's file, or damaged.
 */
enum status vgg_open(const char *path, const char *device, enum shim_dtype dtype, bool autocast,
                     struct vgg **out, struct errmsg *em) MUST_CHECK;
void vgg_free(struct vgg *v);
/* 16 or 19. */
int vgg_depth(const struct vgg *v);
/* XXH3 of the weights. */
uint64_t vgg_hash(const struct vgg *v);

/* pictures (N, 3, S, S) to features (N, C, S >> i, S >> i); S is 8 or more. Tensors and errors are
 * the scope's; its autocast is off afterwards. */
void vgg_features(struct shim_scope *s, const struct vgg *v, struct shim_tensor *pictures,
                  struct shim_tensor *features[VGG_TAPS]);

#endif
