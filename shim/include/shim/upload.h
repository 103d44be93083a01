/*
 * Several arrays of host memory as tensors. To a GPU they go in one copy: a small copy takes as
 * long to start as a kernel.
 *
 *     const struct shim_array arrays[] = {
 *         {SHIM_U8,  images, 4, {n, h, w, 3}},
 *         {SHIM_F32, points, 2, {n, 140}    },
 *     };
 *     struct shim_tensor *t[2];
 *     shim_from_arrays(scope, arrays, 2, t);
 */
#ifndef BIFRONS_SHIM_UPLOAD_H
#define BIFRONS_SHIM_UPLOAD_H

#include "shim/shim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Row-major, in host memory. */
struct shim_array {
    enum shim_dtype dtype;
    const void *memory;
    size_t n_dims;
    int64_t dims[SHIM_DIMS_MAX];
};

/* shim_from_memory of each array. out[n] are NULL after an error, which lands in the scope. */
void shim_from_arrays(struct shim_scope *s, const struct shim_array *arrays, size_t n,
                      struct shim_tensor **out);

#ifdef __cplusplus
}
#endif

#endif
