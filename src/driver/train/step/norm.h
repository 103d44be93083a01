/*
 * The norm of the summed gradient, over all parameters: it tells a gradient that is not finite, and
 * clips one that is too long (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent
 * neural networks", 2013).
 *
 * Squares are added up in fp64 over chunks of the flat gradient (model_gradient_squares), then over
 * the chunks in their order. With train.zero each rank has the sums of its shards; chunks that a
 * bound of a shard cuts are put together first. So the norm has the same bits with and without
 * train.zero, whatever the buckets, and where gradients do not depend on the number of ranks, the
 * norm does not.
 */
#ifndef BIFRONS_DRIVER_TRAIN_NORM_H
#define BIFRONS_DRIVER_TRAIN_NORM_H

#include "session.h"

struct norm;

/* Not collective; after the reducer's plan. ST_MEMORY. */
enum status norm_new(const struct stage *stage, struct norm **out, struct errmsg *em) MUST_CHECK;
void norm_free(struct norm *n);
/* COLLECTIVE with train.zero; the same on all ranks. Not finite where the gradient is not. */
enum status norm_measure(const struct stage *stage, struct norm *n, double *out,
                         struct errmsg *em) MUST_CHECK;
/* The factor that makes a gradient of this norm no longer than limit (0: no limit), as
 * torch.nn.utils.clip_grad_norm_ has it. */
double norm_clip_factor(double norm, double limit);

#endif
