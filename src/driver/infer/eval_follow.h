/* How `bifrons eval` shows whether swaps follow their source pictures. */
#ifndef BIFRONS_DRIVER_INFER_EVAL_FOLLOW_H
#define BIFRONS_DRIVER_INFER_EVAL_FOLLOW_H

#include <jansson.h>

#include "follow.h"

/* Prints a table to standard output, and in words what is wrong. Nothing, if nothing was
 * measured. */
void eval_follow_print(const struct follow follow[static MODEL_PEOPLE]);
/* Of swaps of one person's pictures; null if nothing was measured. */
json_t *eval_follow_json(const struct follow *f, int person);

#endif
