/* Names in a checkpoint that writing and reading share. */
#ifndef BIFRONS_MODEL_CHECKPOINT_PRIV_H
#define BIFRONS_MODEL_CHECKPOINT_PRIV_H

#define CHECKPOINT_FORMAT_NAME "bifrons-checkpoint"
#define CHECKPOINT_RECORD      "bifrons.json"

#endif
