/*
 * The command line of `bifrons train`. bifrons parses it to report errors before libtorch is
 * loaded; bifrons-engine parses it again and trains.
 *
 *     struct train_arguments *a = malloc(sizeof *a);      // some 30 kB: not for a small stack
 *     if (a && train_arguments_parse(argc, argv, a, &em) != ST_OK)
 *         return command_fail_once(&em);
 *
 * Defaults, then CONFIG files in order, then --set and the options of keys in order. Later values
 * replace earlier ones.
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
    int ranks;             /* to start here; 0: not given */
    int launcher;          /* the process that started this rank for --ranks; 0: none */
    int64_t find_lr_steps; /* 0: not asked for */
    bool find_batch;
    char chart[PATH_BYTES_MAX]; /* "" when not given; of the measurement, as json */
    bool json;
    bool print_out;
    bool folder_a, folder_b;      /* data.a, data.b are folders of pictures to pack */
    char gone[2][PATH_BYTES_MAX]; /* a given folder that no longer exists; data.a, data.b then name
                                   * the set that was packed from it; "": none */
};

/*
 * Errors: ST_USAGE, ST_CONFIG, ST_NOINPUT. Does not change argv. --help and the like end the
 * process, as argp does; so do malformed options, with 64, and silently on ranks > 0.
 */
enum status train_arguments_parse(int argc, char **argv, struct train_arguments *out,
                                  struct errmsg *em) MUST_CHECK;

/*
 * Checks whether the run can start: config_check, both sets exist (ST_NOINPUT), folders of pictures
 * have consent (ST_USAGE with the corrected command line), --chart can be written (ST_IO). Not
 * collective; argv is for messages.
 */
enum status train_arguments_check(const struct train_arguments *a, int world_size, int argc,
                                  char **argv, struct errmsg *em) MUST_CHECK;

#endif
