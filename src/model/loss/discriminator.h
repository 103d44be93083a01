/*
 * One discriminator for each person, and the losses of model/discriminators.h.
 *
 * Its layers: model/loss_networks.h. Pictures in [0, 1] are scaled to [-1, 1] first. There is no
 * normalisation layer, so a sample's loss does not depend on the other samples or their rank.
 */
#ifndef BIFRONS_MODEL_DISCRIMINATOR_H
#define BIFRONS_MODEL_DISCRIMINATOR_H

#include "model/loss_networks.h"
#include "model/model.h"
#include "shim/shim.h"

enum { DISCRIMINATOR_NAME_MAX = 48 };
enum { DISCRIMINATOR_TENSORS = MODEL_PEOPLE * DISCRIMINATOR_LAYERS * 2 };

struct discriminators {
    struct model_discriminators options;
    enum shim_dtype dtype;
    bool autocast;
    size_t count;                                       /* of all parameters */
    struct model_tensor tensors[DISCRIMINATOR_TENSORS]; /* person, layer, weight and bias */
    char names[DISCRIMINATOR_TENSORS][DISCRIMINATOR_NAME_MAX];
    struct shim_group *group; /* their flat memory */
    struct {
        struct shim_tensor *weight, *bias; /* the group's */
    } layers[MODEL_PEOPLE][DISCRIMINATOR_LAYERS];
};

/* dtype of the parameters: F32 or F64; autocast: compute in bf16. Initial weights are PyTorch's,
 * the same for both people. ST_CONFIG, ST_MEMORY, ST_TORCH. */
enum status discriminators_new(const struct model_discriminators *o, const char *device,
                               enum shim_dtype dtype, bool autocast, uint64_t seed,
                               struct discriminators **out, struct errmsg *em) MUST_CHECK;
void discriminators_free(struct discriminators *d);
/* Fills in count, tensors and names from the options. tensors point into names: do not copy d. */
void discriminators_lay_out(struct discriminators *d);

/* The network's adversarial loss for each picture: (n). The discriminator gets no gradient. */
struct shim_tensor *discriminators_fooled(struct shim_scope *s, const struct discriminators *d,
                                          int person, struct shim_tensor *pictures);
/* The discriminator's loss for each pair of a reconstruction (made) and a picture (true_ones), and
 * r1 of each picture: (n) both; *r1_out NULL if r1 has no weight. No gradient passes to the
 * pictures. */
struct shim_tensor *discriminators_loss(struct shim_scope *s, const struct discriminators *d,
                                        int person, struct shim_tensor *made,
                                        struct shim_tensor *true_ones, struct shim_tensor **r1_out);

#endif
