/* Shared by the files of checkpoint.h. */
#ifndef BIFRONS_MODEL_CHECKPOINT_PRIV_H
#define BIFRONS_MODEL_CHECKPOINT_PRIV_H

#include <jansson.h>

#include "model_priv.h"
#include "shim/archive.h"

#define CHECKPOINT_FORMAT_NAME "bifrons-checkpoint"
#define CHECKPOINT_RECORD      "bifrons.json"

/* The flat arrays of a training state: parameters, moments, and the average if it is kept.
 * Discriminators have no average. */
enum { CHECKPOINT_ARRAYS = 4, DISCRIMINATOR_ARRAYS = 3 };
static const enum shim_flat checkpoint_array[CHECKPOINT_ARRAYS] = {SHIM_PARAMETERS, SHIM_EXP_AVG,
                                                                   SHIM_EXP_AVG_SQ, SHIM_EMA};

static inline int checkpoint_arrays(const struct model *m)
{
    return m->options.ema > 0 ? CHECKPOINT_ARRAYS : CHECKPOINT_ARRAYS - 1;
}

struct checkpoint_snapshot {
    const struct model *model; /* for its layout and options, which do not change */
    float *copy[CHECKPOINT_ARRAYS];
    float *discriminators; /* the discriminators' arrays, one after the other; NULL without them */
};

/* Has v the shape of t? */
bool checkpoint_same_shape(const struct shim_value *v, const struct model_tensor *t);

/* checkpoint_config.c: converts the architecture to and from a dict. */
struct shim_value *checkpoint_config_value(struct shim_archive *a, const struct model_config *c);
json_t *checkpoint_config_json(const struct model_config *c);
/* ST_DATA: not an architecture. path: for the message. */
enum status checkpoint_config_read(struct shim_archive *a, const struct shim_value *dict,
                                   const char *path, struct model_config *out,
                                   struct errmsg *em) MUST_CHECK;

/* checkpoint_discriminators.c: these do nothing for a model without discriminators. */
enum status discriminators_copy_new(const struct model *m, float **out,
                                    struct errmsg *em) MUST_CHECK;
enum status discriminators_copy_take(const struct model *m, float *copy,
                                     struct errmsg *em) MUST_CHECK;
enum status discriminators_copy_restore(struct model *m, const float *copy,
                                        struct errmsg *em) MUST_CHECK;
/* copy NULL: writes the model's own arrays. */
void discriminators_put(struct shim_archive *a, struct shim_value *root, const struct model *m,
                        const float *copy, int64_t updates);
/* A file without discriminators is accepted, and changes nothing. ST_DATA. */
enum status discriminators_check(struct shim_archive *a, const char *path,
                                 const struct model_discriminators *o,
                                 struct errmsg *em) MUST_CHECK;
enum status discriminators_restore(struct shim_archive *a, const char *path, struct model *m,
                                   struct errmsg *em) MUST_CHECK;

#endif
