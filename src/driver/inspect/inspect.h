/* Shared by the files of bifrons inspect. */
#ifndef BIFRONS_DRIVER_TOOLS_INSPECT_H
#define BIFRONS_DRIVER_TOOLS_INSPECT_H

#include "base/json.h"
#include "base/status.h"

enum { INSPECT_PATHS_MAX = 64 };

struct inspect_options {
    const char *paths[INSPECT_PATHS_MAX]; /* the file; two sets with overlap; folders with uses */
    size_t n_paths;
    const char *sheet, *augment, *overlap, *uses; /* NULL: not given */
    bool verify, json, points;                    /* points: on the sheet */
};

enum status inspect_set(const struct inspect_options *o, struct errmsg *em) MUST_CHECK;
enum status inspect_checkpoint(const struct inspect_options *o, struct errmsg *em) MUST_CHECK;
/* Compares the poses of two sets, in words, and draws them. ST_DATA: a set without poses. */
enum status inspect_overlap(const struct inspect_options *o, struct errmsg *em) MUST_CHECK;
/* Lists what holds the pictures of a set. ST_NOINPUT: no run, checkpoint or set in the folders. */
enum status inspect_uses(const struct inspect_options *o, struct errmsg *em) MUST_CHECK;

/* The record bifrons.json of a checkpoint. ST_DATA: damaged, or none. */
enum status inspect_read_record(const char *path, json_t **out, struct errmsg *em) MUST_CHECK;

/* Prints "name value" without the control characters of value; keeps lines and indents them. */
void inspect_print(const char *name, const char *value);

#endif
