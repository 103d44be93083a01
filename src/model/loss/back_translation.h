/* Back translation (model.h): inputs that are the network's own swaps. */
#ifndef BIFRONS_MODEL_BACK_TRANSLATION_H
#define BIFRONS_MODEL_BACK_TRANSLATION_H

#include "model/augment.h"
#include "model/model.h"
#include "network.h"

/*
 * Replaces the inputs of drawn samples by the network's swaps of their targets, and gives the
 * targets' codes, or NULL if no sample of a person was drawn. A swap's decoder gets the pose
 * measured from the picture's points where they are known, else the predicted pose (pose_given).
 * Only drawn samples go through the network; with `whole` all of them, so that the pass always has
 * the same shapes. A person without inputs is skipped. Call without gradients; errors stay in the
 * scope.
 */
void back_translate(struct shim_scope *s, const struct network *net, const struct batch *b,
                    bool whole, struct augmented samples[MODEL_PEOPLE],
                    struct shim_tensor *of_targets_out[MODEL_PEOPLE]);

/* The codes of n inputs for the person's own decoder. Swapped inputs show the other person, so
 * their codes are moved back (network_move). */
struct shim_tensor *back_translation_return(struct shim_scope *s, const struct network *net,
                                            int who, const struct augment_draw *draws, size_t n,
                                            struct shim_tensor *codes);

/* Detached codes of n inputs, but for swapped inputs the codes of their targets: of_targets, from
 * back_translate, perhaps moved. */
struct shim_tensor *back_translation_codes(struct shim_scope *s, const struct augment_draw *draws,
                                           size_t n, bool whole, struct shim_tensor *codes,
                                           struct shim_tensor *of_targets);

#endif
