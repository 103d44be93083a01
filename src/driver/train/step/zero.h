/*
 * train.zero = 1 (ZeRO stage 1; Rajbhandari et al., "ZeRO: memory optimizations toward training
 * trillion parameter models", 2020): the sum of a bucket's gradients arrives shard by shard, each
 * rank updates its shard of every bucket and keeps Adam's moments of no more than that, then the
 * shards of the parameters are gathered. Bit for bit the step in which every rank updates all.
 *
 * Rank 0 holds all moments while a checkpoint is loaded or written: zero_prepare_load makes room,
 * zero_share_moments and zero_shed_moments take them away, zero_gather_moments gives them back.
 * Without train.zero, and with one rank, zero_update and zero_moment_to_scratch are the plain ones
 * and the rest do nothing. Moments include the average of train.ema.
 */
#ifndef BIFRONS_DRIVER_TRAIN_ZERO_H
#define BIFRONS_DRIVER_TRAIN_ZERO_H

#include "session.h"

bool zero_is_on(const struct stage *stage);
/* COLLECTIVE. Before a state is loaded; after the reducer's plan. ST_MEMORY. */
enum status zero_prepare_load(const struct stage *stage, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. The optimizer's step. */
enum status zero_update(const struct stage *stage, const struct model_step *step,
                        struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. What rank 0 loaded becomes every rank's shards. */
enum status zero_share_moments(const struct stage *stage, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. The flat gradient becomes this moment, whole, on every rank. */
enum status zero_moment_to_scratch(const struct stage *stage, enum model_moment which,
                                   struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Rank 0 holds all moments when it returns; the flat gradient is lost. */
enum status zero_gather_moments(const struct stage *stage, struct errmsg *em) MUST_CHECK;
/* Rank 0 keeps its shards only; not collective. */
enum status zero_shed_moments(const struct stage *stage, struct errmsg *em) MUST_CHECK;

#endif
