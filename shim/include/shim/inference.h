/*
 * Operations of networks that others trained, beside those of shim.h, whose rules hold here too:
 * tensors belong to the scope, errors land in it.
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

/* x (N, C, H, W) with zeros around it: `channels` more behind its own, and rows and columns at
 * sides {top, bottom, left, right}. */
struct shim_tensor *shim_pad(struct shim_scope *s, const struct shim_tensor *x, int64_t channels,
                             const int64_t sides[4]);
/* x where it is positive, else x times its channel's slope. slopes (C). */
struct shim_tensor *shim_prelu(struct shim_scope *s, const struct shim_tensor *x,
                               const struct shim_tensor *slopes);
/* Maxima of size x size pixels, one each `stride` pixels; what fills none is left out. */
struct shim_tensor *shim_max_pool2d_stride(struct shim_scope *s, const struct shim_tensor *x,
                                           int64_t size, int64_t stride);

#ifdef __cplusplus
}
#endif

#endif
