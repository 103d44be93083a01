/* What back-translation (model.h) makes of samples whose draw asks for it. */
#ifndef BIFRONS_MODEL_BACK_TRANSLATION_H
#define BIFRONS_MODEL_BACK_TRANSLATION_H

#include "model/augment.h"
#include "model/model.h"
#include "network.h"

/*
 * Puts the network's own swap of a target in the place of its input, where drawn. Only drawn
 * samples go through the network; with `whole` all do, so that the pass has the same shapes each
 * time. Gives the targets' codes of those that did, or NULL where none of a person was drawn.
 * Samples without inputs are of people who take no part. To be called without gradients; errors
 * stay in the scope.
 */
void back_translate(struct shim_scope *s, const struct network *net, const struct batch *b,
                    bool whole, struct augmented samples[MODEL_PEOPLE],
                    struct shim_tensor *of_targets_out[MODEL_PEOPLE]);

/* Codes of n inputs as their own decoder takes them: a swap shows the other person, and its code is
 * moved back from there. */
struct shim_tensor *back_translation_return(struct shim_scope *s, const struct network *net,
                                            int who, const struct augment_draw *draws, size_t n,
                                            struct shim_tensor *codes);

/* Codes of n inputs, cut off from gradients, with of_targets (as back_translate gave them, or
 * moved) in the place of swaps' codes. */
struct shim_tensor *back_translation_codes(struct shim_scope *s, const struct augment_draw *draws,
                                           size_t n, bool whole, struct shim_tensor *codes,
                                           struct shim_tensor *of_targets);

#endif
