/*
 * The two sets that a checkpoint was trained on, and what is at their paths now.
 *
 *     struct trained_on sets[2];
 *     trained_on_read(record, sets);     // the checkpoint's bifrons.json
 *     trained_on_print(sets);
 */
#ifndef BIFRONS_DRIVER_TOOLS_TRAINED_ON_H
#define BIFRONS_DRIVER_TOOLS_TRAINED_ON_H

#include <jansson.h>

#include "base/file.h"

enum trained_on_now {
    TRAINED_ON_UNKNOWN, /* the checkpoint names no set */
    TRAINED_ON_SAME,
    TRAINED_ON_OTHER, /* a set of other pictures */
    TRAINED_ON_UNREADABLE,
    TRAINED_ON_MISSING,
};

struct trained_on {
    char person[256], path[PATH_BYTES_MAX], fingerprint[17]; /* "": unknown */
    char fingerprint_now[17];                                /* of the set that is there now */
    enum trained_on_now now;
};

/* Reads only the names and the fingerprints; the rest is empty. */
void trained_on_names(const json_t *record, struct trained_on out[static 2]);
/* Opens the sets and compares them. An error is reported as a value of `now`. */
void trained_on_read(const json_t *record, struct trained_on out[static 2]);
/* Prints two lines; none if the checkpoint names no sets. */
void trained_on_print(const struct trained_on sets[static 2]);
/* [{"person", "path", "fingerprint", "now"}, …]; empty if the checkpoint names no sets. */
json_t *trained_on_json(const struct trained_on sets[static 2]);

#endif
