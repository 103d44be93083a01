/*
 * Where the results of bifrons swap go: one PNG file for each picture of a source, or one sheet.
 * Never over an input, nor over a file that Bifrons did not make.
 *
 *     struct results results = {.out = "swapped", .input = "photos", .source = &source};
 *     st = results_check(&results, &em);               // before any work
 *     if (st == ST_OK)
 *         st = results_make_folder(&results, &em);
 *     if (st == ST_OK)
 *         st = results_place(&results, 0, path, &em);
 *     results_release(&results);
 */
#ifndef BIFRONS_DRIVER_INFER_RESULTS_H
#define BIFRONS_DRIVER_INFER_RESULTS_H

#include "data/picture_folder.h"
#include "source.h"

enum { RESULT_NAME_BYTES = 300 };

struct results {
    const char *out, *input; /* as the user named them */
    const struct source *source;
    bool sheet;                       /* one file for all pictures */
    char (*names)[RESULT_NAME_BYTES]; /* each unique, without ".png" */
};

/* Gives the results their names, and checks every place. ST_USAGE, ST_MEMORY. */
enum status results_check(struct results *r, struct errmsg *em) MUST_CHECK;
void results_release(struct results *r);

/* Makes the folder that the results go to. ST_IO. */
enum status results_make_folder(const struct results *r, struct errmsg *em) MUST_CHECK;
/* The path of the i-th picture's result. ST_IO: too long; ST_USAGE: it is the input. */
enum status results_place(const struct results *r, int64_t i, char out[static PATH_BYTES_MAX],
                          struct errmsg *em) MUST_CHECK;

/* Results of an earlier run in the places of this run's; {0}: nothing yet. */
struct earlier_results {
    struct name_list replaced, kept;
};
/* Looks at a place before a result is written there, or (kept) where this run writes none. */
void earlier_results_look(struct earlier_results *e, const char *path, bool kept);
/* Says how many there are, and which. noun: "swap" or "composite". */
void earlier_results_log(struct earlier_results *e, const char *noun);

#endif
