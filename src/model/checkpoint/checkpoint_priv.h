/* What the files of checkpoint.h share. */
#ifndef BIFRONS_MODEL_CHECKPOINT_PRIV_H
#define BIFRONS_MODEL_CHECKPOINT_PRIV_H

#include <jansson.h>

#include "model_priv.h"

#define CHECKPOINT_FORMAT_NAME "bifrons-checkpoint"
#define CHECKPOINT_RECORD      "bifrons.json"

/* The flat arrays that make up a training state, the last one where it is kept; gradients do not.
 */
enum { CHECKPOINT_ARRAYS = 4, RIVAL_ARRAYS = 3 }; /* of rivals no average is kept */
static const enum shim_flat checkpoint_array[CHECKPOINT_ARRAYS] = {SHIM_PARAMETERS, SHIM_EXP_AVG,
                                                                   SHIM_EXP_AVG_SQ, SHIM_EMA};

static inline int checkpoint_arrays(const struct model *m)
{
    return m->options.ema > 0 ? CHECKPOINT_ARRAYS : CHECKPOINT_ARRAYS - 1;
}

struct checkpoint_snapshot {
    const struct model *model; /* for its layout and options, which never change */
    float *copy[CHECKPOINT_ARRAYS];
    float *rivals; /* the discriminators' arrays, one after the other; NULL without them */
};

/* Is v a tensor of t's dimensions? */
bool checkpoint_same_shape(const struct shim_value *v, const struct model_tensor *t);

/* checkpoint_config.c: the architecture as a dict, there and back. */
struct shim_value *checkpoint_config_value(struct shim_archive *a, const struct model_config *c);
json_t *checkpoint_config_json(const struct model_config *c);
/* ST_DATA where it is none; path is for messages. */
enum status checkpoint_config_read(struct shim_archive *a, const struct shim_value *dict,
                                   const char *path, struct model_config *out,
                                   struct errmsg *em) MUST_CHECK;

/* The discriminators, in checkpoint_rivals.c; without them nothing happens. */
enum status rivals_copy_new(const struct model *m, float **out, struct errmsg *em) MUST_CHECK;
enum status rivals_copy_take(const struct model *m, float *copy, struct errmsg *em) MUST_CHECK;
enum status rivals_copy_restore(struct model *m, const float *copy, struct errmsg *em) MUST_CHECK;
/* copy NULL: from the model itself. */
void rivals_put(struct shim_archive *a, struct shim_value *root, const struct model *m,
                const float *copy, int64_t updates);
/* A file without discriminators leaves them as they are. ST_DATA. */
enum status rivals_check(struct shim_archive *a, const char *path, const struct model_adversary *o,
                         struct errmsg *em) MUST_CHECK;
enum status rivals_restore(struct shim_archive *a, const char *path, struct model *m,
                           struct errmsg *em) MUST_CHECK;

#endif
