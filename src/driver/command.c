#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/log.h"
#include "openmp.h"

#define ENGINE_NAME "bifrons-engine"

enum { SILENT_RANK_WAIT_S = 2 };

/* argp's --version and -V of every subcommand */
const char *argp_program_version = "bifrons " BIFRONS_VERSION;

static error_t parse_help(int key, char *text, struct argp_state *state)
{
    (void)text;
    if (key != 'h')
        return ARGP_ERR_UNKNOWN;
    argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
    return 0;
}

static const struct argp_option help_options[] = {
    {NULL,  'h', NULL, OPTION_HIDDEN, NULL, -1},
    {0},
};
static const struct argp help = {.options = help_options, .parser = parse_help};
const struct argp_child command_help[] = {
    {.argp = &help},
    {0},
};

int64_t command_number(struct argp_state *state, const char *option, const char *text, int64_t low,
                       int64_t high)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || n < low || n > high)
        argp_error(state, "--%s %s: a whole number from %" PRId64 " to %" PRId64 " is wanted",
                   option, text, low, high);
    return n;
}

enum status command_flush(struct errmsg *em)
{
    return fflush(stdout) == 0 && !ferror(stdout)
               ? ST_OK
               : FAIL(em, ST_IO, "cannot write to standard output");
}

int command_fail(const struct errmsg *em)
{
    if (em->rank >= 0)
        log_error("rank %d: %s", em->rank, em->text);
    else
        log_error("%s", em->text);
    return status_exit_code(em->code);
}

/* The first of the variables that is set to a number from 0; -1 where none is. */
static int first_number(const char *const *variables, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = getenv(variables[i]);
        char *end = NULL;
        long value = text ? strtol(text, &end, 10) : -1;
        int number;
        if (text && *text && !*end && value >= 0 && checked_int(value, &number))
            return number;
    }
    return -1;
}

int launcher_rank_guess(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                            "SLURM_PROCID"};
    return first_number(variables, ARRAY_LENGTH(variables));
}

int launcher_world_size_guess(void)
{
    /* not SLURM_NTASKS: a batch script has it too, and runs alone */
    static const char *const variables[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
                                            "SLURM_STEP_NUM_TASKS"};
    return MAX(1, first_number(variables, ARRAY_LENGTH(variables)));
}

static int launcher_local_rank_guess(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID",
                                            "SLURM_LOCALID"};
    return first_number(variables, ARRAY_LENGTH(variables));
}

const char *launcher_allocation(const char **batch_system)
{
    static const struct {
        const char *variable, *name;
    } known[] = {
        {"SLURM_JOB_ID", "Slurm"      },
        {"PBS_JOBID",    "PBS"        },
        {"LSB_JOBID",    "LSF"        },
        {"PE_HOSTFILE",  "Grid Engine"},
        {"FLUX_JOB_ID",  "Flux"       },
        {"COBALT_JOBID", "Cobalt"     },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        const char *value = getenv(known[i].variable);
        if (value && *value) {
            *batch_system = known[i].name;
            return known[i].variable;
        }
    }
    return NULL;
}

int command_fail_once(const struct errmsg *em)
{
    bool speaks =
        launcher_rank_guess() <= 0 || (em->code == ST_NOINPUT && launcher_local_rank_guess() == 0);
    if (speaks)
        return command_fail(em);
    /* a launcher ends the job with the first rank that ends: let it be one that has spoken */
    sleep(SILENT_RANK_WAIT_S);
    return status_exit_code(em->code);
}

enum status command_own_path(char path[static PATH_BYTES_MAX], struct errmsg *em)
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES_MAX - 1);
    if (n <= 0)
        return FAIL_ERRNO(em, ST_INTERNAL, errno, "cannot find this program's own file");
    path[n] = '\0';
    return ST_OK;
}

int command_exec_engine(int argc, char **argv)
{
    (void)argc;
    struct errmsg em = {0};
    char self[PATH_BYTES_MAX], folder[PATH_BYTES_MAX], engine[PATH_BYTES_MAX];
    if (command_own_path(self, &em) != ST_OK)
        return command_fail(&em);
    path_folder(self, folder, sizeof folder);
    openmp_settle();
    /* beside us in a build folder, in ../libexec/bifrons once installed */
    static const char *const places[] = {ENGINE_NAME, "../libexec/bifrons/" ENGINE_NAME};
    for (int i = 0; i < 2; i++)
        if (path_join(engine, sizeof engine, folder, places[i]) && file_exists(engine))
            execv(engine, argv);
    log_error("cannot start %s: %s; build or install bifrons again", engine, strerror(errno));
    return status_exit_code(ST_INTERNAL);
}
