/* The command line of bifrons extract. */
#ifndef BIFRONS_DRIVER_EXTRACT_ARGUMENTS_H
#define BIFRONS_DRIVER_EXTRACT_ARGUMENTS_H

#include <stddef.h>

#include "cuts.h"

enum { EXTRACT_WORDS_MAX = 1024, EXTRACT_THREADS_MAX = 64 };

struct extract_arguments {
    const char *words[EXTRACT_WORDS_MAX], *references[PEOPLE_SIDES][EXTRACT_WORDS_MAX];
    size_t n_words, n_references[PEOPLE_SIDES];
    const char *out, *models, *device;
    struct video_options video; /* which frames */
    struct sight_rules rules;   /* without people */
    struct cuts_options cuts;   /* without folder and hash */
    int threads;
    bool no_identity, resume;
};

/* Ends the program on --help and on bad usage (64). Texts are borrowed from argv. */
void extract_parse(int argc, char **argv, struct extract_arguments *out);

#endif
