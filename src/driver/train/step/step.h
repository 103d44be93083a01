/*
 * One training step over all ranks.
 *
 * Gradients are summed bucket by bucket while the step's last backward goes on (comm/reducer.h).
 * One small sum after them carries losses, flags and failures: a rank whose loader or backward
 * failed still sends all its buckets, then all learn of it at the same point.
 *
 * With train.reproducible the samples are worked through in slots of train.slot_size positions,
 * each alone, and gradients and losses are added over slots in an order of their own
 * (comm/slot_sum.h): the same bits on any number of ranks.
 *
 * The samples of a step are the positions [position, position + global_batch), divided over ranks
 * and micro-batches by comm_shard; a sample's gradient is divided by global_batch before backward
 * and summed over ranks, so the division changes no sample, no order and no scale.
 */
#ifndef BIFRONS_DRIVER_TRAIN_STEP_H
#define BIFRONS_DRIVER_TRAIN_STEP_H

#include "session.h"

/* What a rank wants the others to know, decided by all in the same collective as the losses. */
enum step_flag {
    STEP_FLAG_STOP = 1 << 0, /* end after this step with a checkpoint */
    STEP_FLAG_SAVE = 1 << 1, /* write a checkpoint after this step */
};

struct step_report {
    struct model_losses losses; /* means over the global batch */
    double lr;
    double grad_norm; /* of the summed gradient, before it is clipped */
    uint64_t flags;   /* of any rank */
    enum guard_verdict verdict;
    double judged_loss; /* what the guard judged it by */
    double loss_limit;  /* the guard's: above it a step is left out */
    double duration_s;  /* of the whole step on this rank */
    double data_wait_s; /* part of it spent waiting for samples */
    double sum_wait_s;  /* and, after this rank's backward, for sums over ranks; on a GPU also for
                         * what it had still to compute */
};

/* One backward on the first samples of this rank, for the reducer to observe: stage_open_sums. Its
 * gradients are thrown away. */
enum status step_try(const struct stage *stage, struct errmsg *em) MUST_CHECK;

/*
 * COLLECTIVE: samples, gradients, sum over ranks, update; advances s->state.step and position.
 * flags: what this rank asks for. Where the guard's verdict is not GUARD_GOOD, the parameters are
 * as before the step, on all ranks. Any rank's failure is every rank's, with its message.
 */
enum status step_run(struct session *s, uint64_t flags, struct step_report *out,
                     struct errmsg *em) MUST_CHECK;

/*
 * COLLECTIVE, both, around writing a checkpoint: afterwards all ranks hold the same parameters, or
 * ST_DIVERGED names those that do not (replica.h), and rank 0 holds all of Adam's moments; and
 * then no longer (zero.h). ST_MEMORY on all ranks where rank 0 lacks memory for them.
 */
enum status step_before_save(struct session *s, struct errmsg *em) MUST_CHECK;
enum status step_after_save(struct session *s, struct errmsg *em) MUST_CHECK;

#endif
