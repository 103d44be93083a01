/* The pieces of plan_work_init. */
#ifndef BIFRONS_DRIVER_PLAN_WORK_PRIV_H
#define BIFRONS_DRIVER_PLAN_WORK_PRIV_H

#include "model/layer_kinds.h"
#include "plan_work.h"

enum { PLAN_LOSS_LAYERS_MAX = 32 };

/* Parameters, channels, elements and FLOPs of a layer, and nothing else. */
struct plan_layer plan_layer_of(const struct architecture_layer *l);
/* Appends the network's layers. ST_CONFIG. */
enum status plan_layers_add(struct plan_work *w, const struct config *c,
                            struct errmsg *em) MUST_CHECK;
/* Appends those of the networks that losses use. */
void plan_loss_networks_add(struct plan_work *w, const struct config *c);
/* Fills augmentation and losses. */
void plan_pictures_add(struct plan_work *w, const struct config *c);

#endif
