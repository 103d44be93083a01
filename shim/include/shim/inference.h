/*
 * More operations, for pretrained networks. The rules of shim.h hold: tensors belong to the scope,
 * errors land in it.
 *
 *     x = shim_pad(s, x, 0, (int64_t[]){0, 1, 0, 1});
 *     x = shim_prelu(s, shim_conv2d(s, x, weight, bias, 2, 0), slopes);
 *     x = shim_max_pool2d_stride(s, x, 3, 2);
 */
#ifndef BIFRONS_SHIM_INFERENCE_H
#define BIFRONS_SHIM_INFERENCE_H

#include "shim/shim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x (N, C, H, W) with zeros added: `channels` channels after its own, and rows and columns at sides
 * {top, bottom, left, right}. */
struct shim_tensor *shim_pad(struct shim_scope *s, const struct shim_tensor *x, int64_t channels,
                             const int64_t sides[4]);
/* x if it is positive, else x times the slope of its channel. slopes (C). */
struct shim_tensor *shim_prelu(struct shim_scope *s, const struct shim_tensor *x,
                               const struct shim_tensor *slopes);
/* The maximum of size x size pixels, one every `stride` pixels. Rows and columns that do not fill a
 * square are dropped. */
struct shim_tensor *shim_max_pool2d_stride(struct shim_scope *s, const struct shim_tensor *x,
                                           int64_t size, int64_t stride);

#ifdef __cplusplus
}
#endif

#endif
