/*
 * A network for larger pictures that starts from the weights of a smaller one.
 *
 * At first the new outer levels only halve the picture and double the result. So the grown network
 * gives what the smaller network gave for the halved picture, enlarged; training goes on without a
 * jump of the loss. (Chen, Goodfellow, Shlens, "Net2Net: Accelerating learning via knowledge
 * transfer", 2016.) How:
 *
 * A value v passes a LeakyReLU f of slope a in a pair of channels: v = (f(v) - f(-v)) / (1 + a).
 * Three pairs carry the colours through the encoder's new levels, and the picture before its
 * sigmoid through the decoders' new levels; a fourth pair carries the mask. The other new channels
 * start as in any network; at first no layer reads them.
 *
 * Encoders take means of 2 x 2 pixels, decoders interpolate bilinearly (layer_resampling in
 * layers.h). The outermost pixels mix with the zeros outside the picture.
 *
 * New residual blocks end in weights of 0: they pass their input on.
 */
#ifndef BIFRONS_MODEL_GROW_H
#define BIFRONS_MODEL_GROW_H

#include "model/architecture.h"
#include "shim/shim.h"

/* ST_OK if a network `to` can start from the weights of `from`: the same network, possibly for
 * larger pictures or with a new mask head, mean codes or poses. ST_DATA names what differs. */
enum status grow_check(const struct model_config *from, const struct model_config *to,
                       struct errmsg *em) MUST_CHECK;

/* Reads the smaller network: tensor i of its architecture, count floats. */
struct grow_source {
    const struct architecture *architecture;
    enum status (*read)(void *ctx, size_t i, float *out, struct errmsg *em);
    void *ctx;
};

/* Sets the new outer levels in the group's parameters (F32), which hold initial weights of `to`.
 * First copy the tensors that both networks have in the same shape; then call this. ST_DATA names a
 * layer that cannot resample; ST_TORCH, ST_MEMORY, and errors of read. */
enum status grow(const struct grow_source *from, const struct architecture *to,
                 struct shim_group *group, struct errmsg *em) MUST_CHECK;

#endif
