/*
 * A network for larger pictures that begins where a smaller one stands.
 *
 * The new outer levels first do nothing but halve the picture and double the result, so the grown
 * network gives what the smaller one gave of the halved picture, twice as large; nothing is
 * shocked, and no schedule has to fade anything in. (Chen, Goodfellow, Shlens, "Net2Net:
 * Accelerating learning via knowledge transfer", 2016.) How:
 *
 * A value v passes LeakyReLU of slope a in a pair of channels: v = (f(v) - f(-v)) / (1 + a). Three
 * pairs carry the picture through the encoder's new levels, and the picture before its sigmoid
 * through the decoders'; a fourth pair the mask. Channels beside them start as in any network, and
 * nothing reads them at first.
 *
 * Encoders take means of 2 x 2 pixels, decoders interpolate bilinearly (layer_resampling in
 * layers.h). The outermost pixels are mixed with the zeros beyond the picture.
 *
 * New residual blocks end in zeros: they pass on what they are given.
 */
#ifndef BIFRONS_MODEL_GROW_H
#define BIFRONS_MODEL_GROW_H

#include "model/architecture.h"
#include "shim/shim.h"

/* Can a network of `to` begin with the weights of one of `from`: the same, or the same for larger
 * pictures, with or without a new mask head, mean codes or poses? ST_DATA names what differs. */
enum status grow_check(const struct model_config *from, const struct model_config *to,
                       struct errmsg *em) MUST_CHECK;

/* Where the smaller network's tensors are read from: tensor i of its architecture, count floats. */
struct grow_source {
    const struct architecture *architecture;
    enum status (*read)(void *ctx, size_t i, float *out, struct errmsg *em);
    void *ctx;
};

/* Rewrites the tensors of the new outer levels in the group's parameters (F32), which hold initial
 * weights of `to`. Tensors that both have in the same shape are the caller's to copy; call this
 * after. ST_DATA names a layer that cannot resample; ST_TORCH, ST_MEMORY, and what read gives. */
enum status grow(const struct grow_source *from, const struct architecture *to,
                 struct shim_group *group, struct errmsg *em) MUST_CHECK;

#endif
