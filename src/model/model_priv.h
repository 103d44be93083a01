/* A model's insides, for model.c and checkpoint.c. */
#ifndef BIFRONS_MODEL_PRIV_H
#define BIFRONS_MODEL_PRIV_H

#include "network.h"

struct model {
    struct model_options options; /* device points to device_name */
    char device_name[32];
    struct network_plan plan;
    struct network net;
    struct shim_group *group;
    struct shim_scope *scope;
    struct model_flat flat;
    enum shim_dtype dtype;
};

#endif
