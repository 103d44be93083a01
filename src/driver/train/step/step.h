/*
 * One training step over all ranks.
 *
 * Gradients are summed bucket by bucket during the last backward pass of the step (comm/reducer.h).
 * Then one small sum carries losses, flags and failures. A rank whose loader or backward failed
 * still sends all its buckets; then all ranks learn of the failure together.
 *
 * With train.reproducible, gradients are computed alone for each slot of train.slot_size positions.
 * Gradients and losses are added over slots in a fixed order (comm/slot_sum.h), so the result has
 * the same bits on any number of ranks.
 *
 * The samples of a step are the positions [position, position + global_batch). comm_shard divides
 * them over ranks and micro-batches. The gradient of a sample is divided by global_batch before
 * backward and summed over ranks: the result does not depend on the division.
 */
#ifndef BIFRONS_DRIVER_TRAIN_STEP_H
#define BIFRONS_DRIVER_TRAIN_STEP_H

#include "session.h"

/* Requests of a rank. All ranks get them with the losses, in the same collective. */
enum step_flag {
    STEP_FLAG_STOP = 1 << 0, /* save and end after this step */
    STEP_FLAG_SAVE = 1 << 1, /* write a checkpoint after this step */
};

struct step_report {
    struct model_losses losses; /* means over the global batch */
    double lr;
    double grad_norm; /* of the summed gradient, before clipping */
    uint64_t flags;   /* of any rank */
    enum guard_verdict verdict;
    double judged_loss; /* the loss that the guard checked */
    double loss_limit;  /* the guard's: a step with a higher loss is skipped */
    double duration_s;  /* of the whole step on this rank */
    double data_wait_s; /* of it, waiting for samples */
    double sum_wait_s;  /* of it, waiting for sums over ranks after this rank's backward; on a GPU
                         * this includes the rest of the computing */
};

/* One backward pass on the first samples of this rank, which the reducer observes; see
 * stage_open_sums. The gradients are thrown away. */
enum status step_try(const struct stage *stage, struct errmsg *em) MUST_CHECK;

/*
 * COLLECTIVE: samples, gradients, sum over ranks, update. Advances s->state.step and position.
 * flags: the requests of this rank. If the guard's verdict is not GUARD_GOOD, the step is skipped:
 * all ranks keep their parameters. If one rank fails, step_run fails on all ranks with its message.
 */
enum status step_run(struct session *s, uint64_t flags, struct step_report *out,
                     struct errmsg *em) MUST_CHECK;

/*
 * Both COLLECTIVE: call them before and after writing a checkpoint. After step_before_save all
 * ranks hold the same parameters, or it returns ST_DIVERGED and names the ranks that differ
 * (replica.h). Rank 0 then holds all of Adam's moments, until step_after_save (zero.h). ST_MEMORY
 * on all ranks if rank 0 lacks memory for the moments.
 */
enum status step_before_save(struct session *s, struct errmsg *em) MUST_CHECK;
enum status step_after_save(struct session *s, struct errmsg *em) MUST_CHECK;

#endif
