/*
 * A subcommand: a row of the table in main.c. Each parses its own arguments with argp, which ends
 * the program on --help and on bad usage (64); reports with the log, and returns an exit code of
 * base/status.h. argv[0] is "bifrons NAME".
 */
#ifndef BIFRONS_DRIVER_COMMAND_H
#define BIFRONS_DRIVER_COMMAND_H

#include <argp.h>
#include <stdint.h>
#include <stdio.h>

#include "base/file.h"
#include "base/status.h"
#include "base/version.h"

struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
};

int command_synth(int argc, char **argv);
int command_pack(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_plan(int argc, char **argv);
int command_train(int argc, char **argv);

/* A parser's children: -h, which is --help. */
extern const struct argp_child command_help[];
/* What follows --option: a whole number from low to high, or bad usage. */
int64_t command_number(struct argp_state *state, const char *option, const char *text, int64_t low,
                       int64_t high);

/*
 * A program's first call: the log, and what ends every command, also those that argp ends (--help).
 * Output that has not reached standard output is told there and makes an exit code of 0 that of
 * ST_IO; commands print and need not look.
 */
void command_begin(void);
/* For a program that ends by _exit: flushes standard output and gives the exit code. */
int command_end(int code) MUST_CHECK;
/* A word as a shell takes it; a command's whole line, "bifrons NAME ARG..." of argv from 1 on. */
void command_print_quoted(FILE *f, const char *word);
void command_print_line(FILE *f, const char *name, int argc, char **argv);
/* Logs em's text as an error (with its rank, where one is known) and gives the exit code. */
int command_fail(const struct errmsg *em);

/* Does this process ignore the signal, as one started by nohup does HUP? */
bool command_ignores_signal(int signal_number);

/*
 * What a launcher's variables (Open MPI, PMIx, Hydra, Slurm) say before MPI has started: this
 * process's rank, or -1 where no launcher started it; the number of ranks, or 1.
 */
int launcher_rank_guess(void);
int launcher_world_size_guess(void);
/* The variable that tells of a job of a batch system, and that system; NULL outside of one. */
const char *launcher_allocation(const char **batch_system);
/*
 * command_fail for mistakes found before MPI has started, which every rank finds alike: rank 0
 * tells it for all. A missing input is told by the first rank of each node: files differ there.
 */
int command_fail_once(const struct errmsg *em);

/* This program's own file. ST_INTERNAL. */
enum status command_own_path(char path[static PATH_BYTES_MAX], struct errmsg *em) MUST_CHECK;
/*
 * Runs the command in bifrons-engine, the program beside this one that is linked with libtorch, so
 * that pack, inspect and --help start without loading it. Returns only on failure.
 */
int command_exec_engine(int argc, char **argv);

#endif
