/*
 * What comes after the last frame: the check for one person, the contact sheet, the folder's name
 * or the set.
 *
 *     enum status st = finish(&o, &cuts.state, &em);
 */
#ifndef BIFRONS_DRIVER_EXTRACT_FINISH_H
#define BIFRONS_DRIVER_EXTRACT_FINISH_H

#include "arguments.h"

/* True if -o OUT names a set, FILE.h5; else it is a folder. */
bool finish_makes_set(const char *out);

struct finish_options {
    const struct extract_arguments *arguments;
    const char *part;   /* the folder of cuts.h */
    const char *people; /* the folder in which who_check shows the people */
    const char *unsure; /* what `part` is renamed to if faces are unsure and out is a set */
    struct finder *finder;
};

/*
 * Removes or renames `part` on success, and for these: ST_NOINPUT: no face can be used; ST_DATA:
 * more than one person, see who_check. ST_DATA, too, if faces are unsure and out is a set: the
 * folder is then renamed to `unsure`. ST_IO, ST_MEMORY, ST_TORCH: `part` stays.
 */
enum status finish(const struct finish_options *o, struct cuts_state *state,
                   struct errmsg *em) MUST_CHECK;

#endif
