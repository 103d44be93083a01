/*
 * A validation pass over all ranks: losses and val_metrics.h on the held-out pictures of both
 * people, without augmentation.
 *
 * Losses are means over pairs: the shorter list repeats until the longer one is through. Metrics
 * are means over pictures, each counted once, as `bifrons eval` measures them: inside the face mask
 * where both sets have masks. Pairs are divided over ranks as samples are; sums are taken over
 * ranks, or with train.reproducible over slots, in their order.
 */
#ifndef BIFRONS_DRIVER_TRAIN_VALIDATE_H
#define BIFRONS_DRIVER_TRAIN_VALIDATE_H

#include "session.h"

/* COLLECTIVE. Looks at a few pictures with the parameters as they are, and changes nothing: has a
 * decoder collapsed, and what was seen? Never with guard.spike off. */
enum status validate_look(struct session *s, struct collapse_view seen[static MODEL_PEOPLE],
                          bool *collapsed_out, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Sets s->state.val_loss to the weighted total, s->state.val_metrics, how long the best
 * of them has stood, and s->state.collapse (unless guard.spike is off); seen is what the latter is
 * judged by: held-out pictures, or a few training pictures where there are none. Where the model
 * works with its average now, a decoder has collapsed in that, or else in its own parameters, as
 * validate_look saw them: `own`, zeros where there is no average. */
enum status validate_run(struct session *s, const struct collapse_view own[static MODEL_PEOPLE],
                         struct model_losses *out, struct collapse_view seen[static MODEL_PEOPLE],
                         struct errmsg *em) MUST_CHECK;

/* Pairs that a validation looks at; 0 where a person has no held-out pictures. */
int64_t validate_pairs(const struct run *run);
/* Says that session_is_stale. */
void validate_tell_stale(const struct session *s);
/* ST_CONFIG where checkpoint.best or train.early_stop need what these sets cannot give. */
enum status validate_check(const struct run *run, struct errmsg *em) MUST_CHECK;
/* The number of the last validation by which best.pt is chosen. */
double validate_value(const struct session *s);
/* Is that number better than `other`, which may be NaN: none? Without held-out pictures always. */
bool validate_is_better(const struct session *s, double other);

#endif
