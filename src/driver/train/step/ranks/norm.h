/*
 * The norm of the summed gradient over all parameters. It detects a gradient that is not finite,
 * and limits one that is too long (Pascanu, Mikolov and Bengio, "On the difficulty of training
 * recurrent neural networks", 2013).
 *
 * Squares are added in fp64 within chunks of the flat gradient (model_gradient_squares), then over
 * the chunks in order. With train.zero each rank adds the chunks of its shards; a chunk that is
 * split between ranks is put together first. So the norm has the same bits with and without
 * train.zero, for any buckets. If the gradients do not depend on the number of ranks, neither does
 * the norm.
 */
#ifndef BIFRONS_DRIVER_TRAIN_NORM_H
#define BIFRONS_DRIVER_TRAIN_NORM_H

#include "session.h"

struct norm;

/* Not collective. Call it after the reducer's plan is made. Errors: ST_MEMORY. */
enum status norm_new(const struct stage *stage, struct norm **out, struct errmsg *em) MUST_CHECK;
void norm_free(struct norm *n);
/* COLLECTIVE with train.zero. The same on all ranks. Not finite if the gradient is not finite. */
enum status norm_measure(const struct stage *stage, struct norm *n, double *out,
                         struct errmsg *em) MUST_CHECK;
/* The factor that shortens a gradient of this norm to limit (0: no limit), as
 * torch.nn.utils.clip_grad_norm_ computes it. */
double norm_clip_factor(double norm, double limit);

#endif
