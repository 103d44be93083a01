/* What the files of checkpoint.h share. */
#ifndef BIFRONS_MODEL_CHECKPOINT_PRIV_H
#define BIFRONS_MODEL_CHECKPOINT_PRIV_H

#include "model_priv.h"

#define CHECKPOINT_FORMAT_NAME "bifrons-checkpoint"
#define CHECKPOINT_RECORD      "bifrons.json"

/* The flat arrays that make up a training state; gradients do not. */
enum { CHECKPOINT_ARRAYS = 3 };
static const enum shim_flat checkpoint_array[CHECKPOINT_ARRAYS] = {SHIM_PARAMETERS, SHIM_EXP_AVG,
                                                                   SHIM_EXP_AVG_SQ};

struct checkpoint_snapshot {
    const struct model *model; /* for its layout and options, which never change */
    float *copy[CHECKPOINT_ARRAYS];
};

#endif
