/* A checkpoint opened for use: its model, its configuration, and what marks its pictures. */
#ifndef BIFRONS_DRIVER_INFER_LOADED_H
#define BIFRONS_DRIVER_INFER_LOADED_H

#include "base/hash.h"
#include "config.h"
#include "data/set.h"
#include "model/model.h"

struct loaded {
    struct model *model; /* EMA parameters where the checkpoint has them */
    struct config config;
    char hash[HASH128_HEX_BYTES]; /* of the file: goes into the marks of decoded pictures */
    char people[2][64];           /* names of A and B; "A" and "B" where unknown */
    char fingerprints[2][17];     /* of the sets it was trained on, hex; "" where unknown */
    int64_t step;
};

/* device "" = what the configuration says. ST_NOINPUT, ST_DATA, ST_NODEVICE. */
enum status loaded_open(const char *path, const char *device, struct loaded *out,
                        struct errmsg *em) MUST_CHECK;
void loaded_release(struct loaded *l);

/* What a set that is given as a person's is to the checkpoint, by the fingerprints. */
enum loaded_set {
    LOADED_SET_TRAINED,   /* it was trained on this one */
    LOADED_SET_EXCHANGED, /* this is the other person's */
    LOADED_SET_ANOTHER,
    LOADED_SET_UNKNOWN, /* the checkpoint does not say what it was trained on */
};
enum loaded_set loaded_compare_set(const struct loaded *l, int person, const struct set *s);

#endif
