/*
 * train.zero = 1 (ZeRO stage 1; Rajbhandari et al., "ZeRO: memory optimizations toward training
 * trillion parameter models", 2020): each rank receives the summed gradient of its shard of every
 * bucket, updates that shard and keeps Adam's moments of it only. Then the shards of the parameters
 * are gathered. The result has the same bits as without train.zero.
 *
 * Rank 0 holds all moments while a checkpoint is loaded or written: zero_prepare_load makes room
 * for them, zero_gather_moments collects them, zero_share_moments and zero_shed_moments leave only
 * the shards. Without train.zero, and with one rank, zero_update and zero_moment_to_scratch work on
 * whole arrays and the others do nothing. The moments include the average of train.ema.
 */
#ifndef BIFRONS_DRIVER_TRAIN_ZERO_H
#define BIFRONS_DRIVER_TRAIN_ZERO_H

#include "session.h"

bool zero_is_on(const struct stage *stage);
/* COLLECTIVE. Call it after the reducer's plan is made, before a state is loaded. Errors:
 * ST_MEMORY. */
enum status zero_prepare_load(const struct stage *stage, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. The optimizer's step. */
enum status zero_update(const struct stage *stage, const struct model_step *step,
                        struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Gives every rank its shards of the moments that rank 0 loaded. */
enum status zero_share_moments(const struct stage *stage, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Writes the whole moment into the flat gradient, on every rank. */
enum status zero_moment_to_scratch(const struct stage *stage, enum model_moment which,
                                   struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Afterwards rank 0 holds all moments. The flat gradient is lost. */
enum status zero_gather_moments(const struct stage *stage, struct errmsg *em) MUST_CHECK;
/* Not collective. Rank 0 drops all moments but its shards. */
enum status zero_shed_moments(const struct stage *stage, struct errmsg *em) MUST_CHECK;

#endif
