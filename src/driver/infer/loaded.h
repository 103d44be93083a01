/* A checkpoint opened for use: its model, its configuration, and the data for the marks of its
 * pictures. */
#ifndef BIFRONS_DRIVER_INFER_LOADED_H
#define BIFRONS_DRIVER_INFER_LOADED_H

#include "base/hash.h"
#include "config.h"
#include "data/set.h"
#include "model/model.h"

struct loaded {
    struct model *model; /* with the average of train.ema, if the checkpoint has it */
    struct config config;
    char hash[HASH128_HEX_BYTES];        /* of the file, for the marks of decoded pictures */
    char people[2][64];                  /* names of A and B; "A" and "B" if unknown */
    char consent[2][SET_TEXT_BYTES_MAX]; /* their statements; "" if unknown */
    struct set_identity identities[2];   /* whose face each set showed */
    double pupils[2];                    /* their distance in each set, as a share of the side; 0:
                                            not known */
    char fingerprints[2][17];            /* of the sets it was trained on, hex; "" if unknown */
    int64_t step;
    struct pose_scale poses[2]; /* with model.pose: of A and B */
};

/* device "": as in the configuration. Errors: ST_NOINPUT, ST_DATA, ST_NODEVICE. */
enum status loaded_open(const char *path, const char *device, struct loaded *out,
                        struct errmsg *em) MUST_CHECK;
void loaded_release(struct loaded *l);

/* True if swaps use the points of pictures (model.pose = "given"). */
bool loaded_takes_points(const struct loaded *l);

/* Compares the set given for a person with the checkpoint's, by fingerprint. */
enum loaded_set {
    LOADED_SET_TRAINED,   /* the set that it was trained on */
    LOADED_SET_EXCHANGED, /* the other person's set */
    LOADED_SET_ANOTHER,
    LOADED_SET_UNKNOWN, /* the checkpoint does not say what it was trained on */
};
enum loaded_set loaded_compare_set(const struct loaded *l, int person, const struct set *s);

#endif
