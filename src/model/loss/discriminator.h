/*
 * One discriminator a person, which learns to tell the person's pictures from reconstructions, and
 * the losses of both sides, as model/adversary.h gives them.
 *
 * Its layers: model/loss_networks.h. Pictures in [0, 1] are brought to [-1, 1] first.
 * There is no normalisation: a sample's loss depends on no other sample, whatever rank it is on.
 */
#ifndef BIFRONS_MODEL_DISCRIMINATOR_H
#define BIFRONS_MODEL_DISCRIMINATOR_H

#include "model/loss_networks.h"
#include "model/model.h"
#include "shim/shim.h"

enum { DISCRIMINATOR_NAME_MAX = 48 };
enum { DISCRIMINATOR_TENSORS = MODEL_PEOPLE * DISCRIMINATOR_LAYERS * 2 };

struct discriminators {
    struct model_adversary options;
    enum shim_dtype dtype;
    bool autocast;
    size_t count;                                       /* elements of all */
    struct model_tensor tensors[DISCRIMINATOR_TENSORS]; /* person, layer, weight and bias */
    char names[DISCRIMINATOR_TENSORS][DISCRIMINATOR_NAME_MAX];
    struct shim_group *group; /* flat memory of their own */
    struct {
        struct shim_tensor *weight, *bias; /* the group's */
    } layers[MODEL_PEOPLE][DISCRIMINATOR_LAYERS];
};

/* dtype: F32 or F64, of the parameters; autocast: they work in bf16. Parameters are drawn as
 * PyTorch draws them, the same for both people. ST_CONFIG, ST_MEMORY, ST_TORCH. */
enum status discriminators_new(const struct model_adversary *o, const char *device,
                               enum shim_dtype dtype, bool autocast, uint64_t seed,
                               struct discriminators **out, struct errmsg *em) MUST_CHECK;
void discriminators_free(struct discriminators *d);
/* Fills in what the options decide: count, tensors and names. names and tensors belong together. */
void discriminators_lay_out(struct discriminators *d);

/* The adversarial loss of each of a person's pictures: (n). The discriminator gets no gradient. */
struct shim_tensor *discriminators_fooled(struct shim_scope *s, const struct discriminators *d,
                                          int person, struct shim_tensor *pictures);
/* A discriminator's own loss of each pair of a reconstruction and a picture, and r1 of each
 * picture: (n) both; *r1_out NULL where r1 has no weight. Neither gives pictures a gradient. */
struct shim_tensor *discriminators_loss(struct shim_scope *s, const struct discriminators *d,
                                        int person, struct shim_tensor *made,
                                        struct shim_tensor *true_ones, struct shim_tensor **r1_out);

#endif
