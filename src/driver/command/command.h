/*
 * A subcommand: a row of the table in main.c. It parses its own arguments with argp, which ends the
 * program on --help and on bad usage (64). It reports with the log and returns an exit code of
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
int command_report(int argc, char **argv);
int command_train(int argc, char **argv);

/* Children of every parser: -h for --help. */
extern const struct argp_child command_help[];
/* Parses the argument of --option: a whole number from low to high, else bad usage. */
int64_t command_number(struct argp_state *state, const char *option, const char *text, int64_t low,
                       int64_t high);
/* Parses the argument of --option: seconds, 0 or more, such as 90.5; else bad usage. */
double command_seconds(struct argp_state *state, const char *option, const char *text);
/* The index of the argument of --option among n words; another argument is bad usage. allowed: the
 * words for the message, "face or head". */
int command_word(struct argp_state *state, const char *option, const char *text,
                 const char *const *words, int n, const char *allowed);

/*
 * Call it first: opens the log and registers the end of every command, including --help. That end
 * reports a failed write to standard output and turns exit code 0 into that of ST_IO, so commands
 * need not check their prints.
 */
void command_begin(void);
/* For a program that ends by _exit: flushes standard output and returns the exit code. */
int command_end(int code) MUST_CHECK;
/* Print a word quoted for a shell; print a whole command line, "bifrons NAME ARG...", of argv from
 * 1 on. */
void command_print_quoted(FILE *f, const char *word);
enum { COMMAND_QUOTED_BYTES = 4 * PATH_BYTES_MAX + 3 };
/* The same in out, which is returned, for a path. */
const char *command_quote(const char *path, char out[static COMMAND_QUOTED_BYTES]);
void command_print_line(FILE *f, const char *name, int argc, char **argv);
/* Logs em's text as an error (with its rank, if known) and returns the exit code. */
int command_fail(const struct errmsg *em);

/* From here on SIGINT and SIGTERM only make command_stop_wanted true; the second ends at once. */
void command_stop_on_signals(void);
bool command_stop_wanted(void);
/* True if this process ignores the signal, as nohup does with HUP. */
bool command_ignores_signal(int signal_number);

/*
 * Read from the variables of launchers (Open MPI, PMIx, Hydra, Slurm) before MPI starts: the rank
 * of this process, or -1 without a launcher; the number of ranks, or 1.
 */
int launcher_rank_guess(void);
int launcher_world_size_guess(void);
/* The variable that shows a job of a batch system, and the name of that system; NULL outside of a
 * job. */
const char *launcher_allocation(const char **batch_system);
/*
 * command_fail for errors before MPI starts, which are the same on every rank: only rank 0 reports.
 * A missing input is reported by the first rank of each node, because files differ between nodes.
 */
int command_fail_once(const struct errmsg *em);

/* The path of this program's file. Errors: ST_INTERNAL. */
enum status command_own_path(char path[static PATH_BYTES_MAX], struct errmsg *em) MUST_CHECK;
/* Finds the file of this name in the folder configs/ or configs/clusters/ that was installed with
 * the program. False: there is none. */
bool command_find_config(const char *path, char out[static PATH_BYTES_MAX]);
/* How to name "configs/NAME.toml" in a command line: so where it is there, else by the place of the
 * one that came with the program, written to room. */
const char *command_name_config(const char *path, char room[static PATH_BYTES_MAX]);
/* Logs what comes after a person's set: how ("pack" or "extract") the other person's is made, and
 * the command that trains with both. */
void command_log_training(const char *how, const char *config, const char *set);
/*
 * Runs the command in bifrons-engine, the program beside this one that is linked with libtorch, so
 * that pack, inspect and --help start without loading it. Returns only on failure.
 */
int command_exec_engine(int argc, char **argv);

#endif
