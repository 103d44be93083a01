/*
 * The command line of `bifrons train`. bifrons parses it to tell mistakes before libtorch is
 * loaded, bifrons-engine parses it again to work by it.
 *
 *     struct train_arguments *a = malloc(sizeof *a);      // some 30 kB: not for a small stack
 *     if (a && train_arguments_parse(argc, argv, a, &em) != ST_OK)
 *         return command_fail_once(&em);
 *
 * Defaults, then CONFIG files in order, then --set and the keys' own options in order: the later
 * wins.
 */
#ifndef BIFRONS_DRIVER_TRAIN_ARGUMENTS_H
#define BIFRONS_DRIVER_TRAIN_ARGUMENTS_H

#include "config.h"

enum { CONSENT_BYTES = 4096 };

struct train_arguments {
    struct config config;             /* name is filled in; not yet checked */
    char config_path[PATH_BYTES_MAX]; /* the last file given; "" when none was */
    char out[PATH_BYTES_MAX];         /* run folder: --out, else runs/NAME */
    char resume[PATH_BYTES_MAX];      /* "auto" (the default), "none" or a checkpoint's path */
    char init_from[PATH_BYTES_MAX];   /* "" when not given */
    char consent[CONSENT_BYTES];      /* "" when not given */
    bool dry_run, print_config;
    int ranks;             /* to be started here; 0: not asked for */
    int launcher;          /* the process that has started this rank so; 0: none */
    int64_t find_lr_steps; /* 0: not asked for */
    bool find_batch;
    char chart[PATH_BYTES_MAX]; /* "" when not given; of what is measured, as json */
    bool json;
    bool print_out;
    bool folder_a, folder_b;      /* data.a, data.b are folders of pictures, to be packed first */
    char gone[2][PATH_BYTES_MAX]; /* a folder given for A, B that is no longer there, while data.a,
                                     data.b name what was packed from it; "": none */
};

/*
 * ST_USAGE, ST_CONFIG, ST_NOINPUT. argv stays as it is. --help and the like, and errors in the form
 * of options, end the process as argp does; the latter with 64, and silently on ranks > 0.
 */
enum status train_arguments_parse(int argc, char **argv, struct train_arguments *out,
                                  struct errmsg *em) MUST_CHECK;

/*
 * Whether the run can start: config_check, both data sets there (ST_NOINPUT), folders of pictures
 * with consent (ST_USAGE with the corrected command line), room for --chart (ST_IO). Not
 * collective; argv is for messages.
 */
enum status train_arguments_check(const struct train_arguments *a, int world_size, int argc,
                                  char **argv, struct errmsg *em) MUST_CHECK;

#endif
