/*
 * A validation pass over all ranks: losses and val_metrics.h on the held-out pictures of both
 * people, without augmentation.
 *
 * Losses are means over pairs; the shorter list of pictures repeats until the longer one ends.
 * Metrics are means over pictures, each counted once, as in `bifrons eval`: inside the face mask if
 * both sets have masks. Pairs are divided over ranks like samples. Sums are over ranks in their
 * order, or with train.reproducible over slots.
 */
#ifndef BIFRONS_DRIVER_TRAIN_VALIDATE_H
#define BIFRONS_DRIVER_TRAIN_VALIDATE_H

#include "session.h"

/* COLLECTIVE. Checks for a collapse with a few pictures and the current parameters; changes
 * nothing. seen: the statistics of the outputs. With guard.spike off it finds no collapse. */
enum status validate_check_collapse(struct session *s,
                                    struct collapse_view seen[static MODEL_PEOPLE],
                                    bool *collapsed_out, struct errmsg *em) MUST_CHECK;
/* COLLECTIVE. Sets s->state.val_loss (the weighted total), s->val_compared, val_metrics, the count
 * of validations since the best one, and, unless guard.spike is off, collapse. seen: the statistics
 * behind collapse, from held-out pictures, or a few training pictures if there are none. If the
 * model now works with its average, of_parameters has the statistics of its own parameters, from
 * validate_check_collapse; zeros without an average. A decoder has collapsed if either shows it. */
enum status validate_run(struct session *s,
                         const struct collapse_view of_parameters[static MODEL_PEOPLE],
                         struct model_losses *out, struct collapse_view seen[static MODEL_PEOPLE],
                         struct errmsg *em) MUST_CHECK;

/* Number of pairs in a validation; 0 if a person has no held-out pictures. */
int64_t validate_pairs(const struct run *run);
/* Logs that the stage ends early (session_is_stale). */
void validate_log_stale(const struct session *s);
/* ST_CONFIG if these sets lack what checkpoint.best or train.early_stop need. */
enum status validate_check(const struct run *run, struct errmsg *em) MUST_CHECK;
/* The value of the last validation that chooses best.pt. */
double validate_value(const struct session *s);
/* True if that value is better than `other` (NaN: none). Always true without held-out pictures. */
bool validate_is_better(const struct session *s, double other);

#endif
