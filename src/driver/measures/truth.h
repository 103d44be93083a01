/* Reads the true swap of a picture (sets of bifrons synth have it) at the size of the model. */
#ifndef BIFRONS_DRIVER_TRUTH_H
#define BIFRONS_DRIVER_TRUTH_H

#include <stdint.h>

#include "base/status.h"
#include "data/set.h"

/* out: (size, size, 3). Only for sets with set_get_info()->has_truth. */
enum status truth_read(struct set *s, int64_t row, int size, uint8_t *out,
                       struct errmsg *em) MUST_CHECK;

#endif
