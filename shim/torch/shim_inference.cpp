// Operations for pretrained networks. Each is one line around the ATen function of that name.
#include "shim_priv.hpp"

#include "shim/inference.h"

using namespace shim;

extern "C" {

struct shim_tensor *shim_pad(struct shim_scope *s, const struct shim_tensor *x, int64_t channels,
                             const int64_t sides[4])
{
    // ATen's list of sides begins with the last dimension
    return op(s, __func__, {x}, [&] {
        return at::constant_pad_nd(x->t, {sides[2], sides[3], sides[0], sides[1], 0, channels});
    });
}

struct shim_tensor *shim_prelu(struct shim_scope *s, const struct shim_tensor *x,
                               const struct shim_tensor *slopes)
{
    return op(s, __func__, {x, slopes}, [&] { return at::prelu(x->t, slopes->t); });
}

struct shim_tensor *shim_max_pool2d_stride(struct shim_scope *s, const struct shim_tensor *x,
                                           int64_t size, int64_t stride)
{
    return op(s, __func__, {x}, [&] {
        return at::max_pool2d(x->t, {size, size}, {stride, stride});
    });
}

} // extern "C"
