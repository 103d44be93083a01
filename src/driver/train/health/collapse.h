/*
 * Detects a collapsed decoder. A learning rate that is too high can destroy a network within a few
 * steps and without a spike: losses rise to a level and stay there. The guard (guard.h) checks
 * single steps and takes that level for normal. So each validation checks each decoder, by its
 * reconstruction loss and its outputs (outputs.h). A decoder has collapsed if it is one of these:
 *
 *   not finite  its loss is not a finite number
 *   saturated   nearly all of its output values are black or white, but those of the pictures are
 *               not: gradients through the sigmoid are 0, and it does not recover
 *   worse       its error is larger than that of plain grey, and its loss is not below the first
 *               loss of the stage: worse than a network that has learned nothing
 *   lost        its loss has risen most of the way from the best validation back to the start, and
 *               plain grey would be about as good
 *   flat        it draws the same picture for every input, although its outputs varied before, or
 *               the learning rates so far add up to more than 1
 *
 * A network that has not begun to learn draws nearly plain grey: it is none of these. The values to
 * compare with are part of the state, the same on every rank and saved in checkpoints. A value that
 * is not known is NaN, and the tests that need it are skipped: after an older checkpoint, or with
 * discriminators.
 *
 *     collapse_record_step(&c, losses, lr);         // after a step that changed the model
 *     collapse_judge(&c, views);                  // at a validation: fills kinds
 *     collapse_record_validation(&c, views);
 *     bool goes_back = c.in_a_row >= patience;
 */
#ifndef BIFRONS_DRIVER_TRAIN_COLLAPSE_H
#define BIFRONS_DRIVER_TRAIN_COLLAPSE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "model/model.h"
#include "outputs.h"

enum collapse_kind {
    COLLAPSE_NONE,
    COLLAPSE_NOT_FINITE,
    COLLAPSE_SATURATED,
    COLLAPSE_WORSE,
    COLLAPSE_LOST,
    COLLAPSE_FLAT,
    COLLAPSE_KINDS
};

/* Plain data. NaN: not known. */
struct collapse {
    double start[MODEL_PEOPLE];   /* reconstruction loss of the first step of the stage */
    double best[MODEL_PEOPLE];    /* lowest loss of a validation without collapse */
    double variety[MODEL_PEOPLE]; /* highest variety of outputs / that of the pictures */
    double travel;                /* sum of learning rates: how far parameters can move */
    int32_t kind[MODEL_PEOPLE];   /* enum collapse_kind, at the last validation */
    int32_t in_a_row;             /* the latest validations in a row that found a collapse */
};

/* The results of one validation for one decoder. */
struct collapse_view {
    double loss; /* of reconstruction */
    struct outputs seen;
    enum collapse_kind kind;
};

/* At the beginning of a stage. */
void collapse_init(struct collapse *c);
/* Sets everything to unknown, for a checkpoint without these values. */
void collapse_forget(struct collapse *c);
/* Forgets the losses: for a resume that changes what a loss is. */
void collapse_forget_losses(struct collapse *c);

/* A person's reconstruction loss: the terms that compare the reconstruction with the picture, by
 * their weights. */
double collapse_loss(const struct config *c, const struct model_losses *losses, int who);
/* Call it after a step that changed the model. loss: from before the update. lr: NaN if parts of
 * the network are frozen, because they need not move. */
void collapse_record_step(struct collapse *c, const double loss[static MODEL_PEOPLE], double lr);
/* True if the losses of a step are a reason to check the outputs. Noise can be one, too. Always
 * true before the first good validation. */
bool collapse_is_suspected(const struct collapse *c, const double loss[static MODEL_PEOPLE]);
/* Fills the kinds. True if a decoder has collapsed. */
bool collapse_judge(const struct collapse *c, struct collapse_view views[static MODEL_PEOPLE]);
/* After collapse_judge at a validation. */
void collapse_record_validation(struct collapse *c,
                                const struct collapse_view views[static MODEL_PEOPLE]);

/* "decoder A has collapsed: 99 % of …; decoder B has collapsed: …", for the collapsed decoders. */
enum { COLLAPSE_TEXT_BYTES = 1200 };
void collapse_describe(const struct collapse *c,
                       const struct collapse_view views[static MODEL_PEOPLE],
                       char out[static COLLAPSE_TEXT_BYTES]);
/* The decoders that the last validation found collapsed: "decoder A", "decoder B" or "decoder A and
 * decoder B". */
const char *collapse_who(const struct collapse *c);

#endif
