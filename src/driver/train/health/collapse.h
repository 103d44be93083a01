/*
 * Has a decoder collapsed? A learning rate that is too high can destroy a network within a few
 * steps and without a spike: losses rise to a level and stay there, and the guard (guard.h), which
 * judges single steps, takes that level for normal. So each validation judges each decoder, by its
 * reconstruction loss and by what it draws (outputs.h). A decoder has collapsed where
 *
 *   not finite  its loss is not a finite number
 *   saturated   nearly all values it draws are black or white, and those of the pictures are not:
 *               gradients through the sigmoid are 0, and it does not recover
 *   worse       it is farther from the pictures than plain grey, and its loss is not below the one
 *               with which the stage began: worse than a network that has learned nothing
 *   lost        its loss has risen most of the way from the best validation back to the beginning,
 *               and plain grey would be about as good
 *   flat        it draws the same picture whatever it is shown, although its outputs varied before,
 *               or the learning rates so far add up to more than 1
 *
 * A network that has not begun to learn draws nearly plain grey: it is none of these. What all of
 * this is compared with is part of the state, the same on every rank and saved in checkpoints;
 * where an older checkpoint does not tell it, or discriminators have a say, it is NaN, and the
 * judgements that need it are not made.
 *
 *     collapse_note_step(&c, losses, lr);         // after a step that changed the model
 *     collapse_judge(&c, views);                  // at a validation: fills kinds
 *     collapse_note_validation(&c, views);
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
    double start[MODEL_PEOPLE];   /* reconstruction loss of the stage's first step */
    double best[MODEL_PEOPLE];    /* the least of a validation in which it had not collapsed */
    double variety[MODEL_PEOPLE]; /* the most that outputs varied, as a share of the pictures' */
    double travel;              /* sum of learning rates: about how far a parameter can have got */
    int32_t kind[MODEL_PEOPLE]; /* enum collapse_kind, at the last validation */
    int32_t in_a_row;           /* validations up to the last one that found a collapse */
};

/* A decoder as a validation saw it. */
struct collapse_view {
    double loss; /* of reconstruction */
    struct outputs seen;
    enum collapse_kind kind;
};

/* At the beginning of a stage. */
void collapse_init(struct collapse *c);
/* Nothing is known: of a checkpoint that does not tell. */
void collapse_forget(struct collapse *c);
/* Forgets the losses: for a resume that changes what a loss is. */
void collapse_forget_losses(struct collapse *c);

/* A person's reconstruction loss: the terms that compare the reconstruction with the picture, by
 * their weights. */
double collapse_loss(const struct config *c, const struct model_losses *losses, int who);
/* After a step that changed the model: the losses it began with, and its learning rate; NaN where
 * parts of the network are frozen, which need not move. */
void collapse_note_step(struct collapse *c, const double loss[static MODEL_PEOPLE], double lr);
/* Do the losses of a step make it worth looking at the outputs? Noise may do so, too, and before
 * the first good validation all do. */
bool collapse_is_suspected(const struct collapse *c, const double loss[static MODEL_PEOPLE]);
/* Fills the kinds; has any decoder collapsed? */
bool collapse_judge(const struct collapse *c, struct collapse_view views[static MODEL_PEOPLE]);
/* After collapse_judge at a validation. */
void collapse_note_validation(struct collapse *c,
                              const struct collapse_view views[static MODEL_PEOPLE]);

/* "decoder A has collapsed: 99 % of …; decoder B has collapsed: …", of those that have. */
enum { COLLAPSE_TEXT_BYTES = 1200 };
void collapse_describe(const struct collapse *c,
                       const struct collapse_view views[static MODEL_PEOPLE],
                       char out[static COLLAPSE_TEXT_BYTES]);
/* "decoder A", "decoder B" or "decoder A and decoder B": by the last validation. */
const char *collapse_who(const struct collapse *c);

#endif
