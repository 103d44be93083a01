/* The encoder's inputs of samples whose draw asks for back-translation (model.h). */
#ifndef BIFRONS_MODEL_BACK_TRANSLATION_H
#define BIFRONS_MODEL_BACK_TRANSLATION_H

#include "model/augment.h"
#include "model/model.h"
#include "network.h"

/*
 * Puts the network's own swap of a target in the place of its input, where drawn. Only drawn
 * samples go through the network; with `whole` all do, so that the pass has the same shapes each
 * time. Samples without inputs are of people who take no part. To be called without gradients;
 * errors stay in the scope.
 */
void back_translate(struct shim_scope *s, const struct network *net, const struct model_batch *b,
                    bool whole, struct augment_result samples[MODEL_PEOPLE]);

#endif
