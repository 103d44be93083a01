/*
 * bifrons swap --into: its options, and its work on every picture of a source (on a video:
 * swap_video.h).
 *
 * Each composite is a PNG file of the picture's size, marked as a composite and labelled (into.h),
 * with a note beside it, NAME.txt: the checkpoint, whose face became whose, both consent
 * statements.
 */
#ifndef BIFRONS_DRIVER_INFER_SWAP_INTO_H
#define BIFRONS_DRIVER_INFER_SWAP_INTO_H

#include <argp.h>

#include "into.h"
#include "loaded.h"
#include "results.h"

enum { INTO_REFERENCES_MAX = 256, INTO_BOTH = -1 };

struct into_arguments {
    bool into;
    const char *belongs; /* the last option given that needs --into; NULL: none */
    const char *models;
    const char *references[PEOPLE_SIDES][INTO_REFERENCES_MAX];
    size_t n_references[PEOPLE_SIDES];
    enum shape_coverage coverage;
    bool coverage_given;
    struct composite_options blend;
    int person; /* whose face is replaced, or INTO_BOTH */
    bool strict;
    double from_s, to_s; /* of a video: the part that is written; to 0: to the end */
    bool no_sound;
    bool of_video; /* an option that only videos have was given */
};

/* The options; its input is a struct into_arguments, which it initialises. */
extern const struct argp swap_into_options;

/* After results_check. Refuses a set, and a note over another file. ST_USAGE, ST_IO. */
enum status swap_into_check(const struct source *s, const struct results *r,
                            struct errmsg *em) MUST_CHECK;
/* ST_USAGE: it is not known whose face is replaced; ST_DATA: a reference does not show one face, no
 * consent, or no composite at all; ST_NODEVICE: no networks; ST_IO, ST_MEMORY, ST_TORCH. */
enum status swap_into(const struct into_arguments *a, const struct loaded *l, struct source *s,
                      const struct results *r, struct errmsg *em) MUST_CHECK;

#endif
