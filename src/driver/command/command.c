#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/log.h"
#include "openmp.h"

#define ENGINE_NAME "bifrons-engine"

enum { SILENT_RANK_WAIT_S = 2, OUTPUT_BYTES = 1 << 18 };

/* for argp's --version and -V of every subcommand */
const char *argp_program_version = "bifrons " BIFRONS_VERSION;

static error_t parse_help(int key, char *text, struct argp_state *state)
{
    (void)text;
    if (key != 'h')
        return ARGP_ERR_UNKNOWN;
    argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
    return 0;
}

/* clang-format off */
static const struct argp_option help_options[] = {
    {NULL, 'h', NULL, OPTION_HIDDEN, NULL, -1},
    {0},
};
/* clang-format on */
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

double command_seconds(struct argp_state *state, const char *option, const char *text)
{
    char *end;
    double s = strtod(text, &end);
    if (end == text || *end != '\0' || !(s >= 0 && s < 1e9))
        argp_error(state, "--%s %s: write seconds as a number, 0 or more, such as 90.5", option,
                   text);
    return s;
}

int command_word(struct argp_state *state, const char *option, const char *text,
                 const char *const *words, int n, const char *allowed)
{
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    argp_error(state, "--%s is %s, not \"%s\"", option, allowed, text);
    return 0;
}

/* If a standard stream is closed, the next opened file would take its place and get its output. So
 * we put a stream there on which reading and writing fail. */
static void fill_standard_streams(void)
{
    static const int modes[] = {
        [STDIN_FILENO] = O_WRONLY,
        [STDOUT_FILENO] = O_RDONLY,
        [STDERR_FILENO] = O_RDONLY,
    };
    for (int fd = 0; fd < (int)ARRAY_LENGTH(modes); fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", modes[fd]) != fd)
            _exit(status_exit_code(ST_IO));
}

int command_end(int code)
{
    errno = 0;
    bool flushed = fflush(stdout) == 0;
    int reason = errno;
    if ((flushed && !ferror(stdout)) || code != 0)
        return code;
    if (reason != EPIPE) /* the reader has closed the pipe: no message */
        log_error("cannot write to standard output%s%s", flushed ? "" : ": ",
                  flushed ? "" : strerror(reason));
    clearerr(stdout); /* report it once */
    return status_exit_code(ST_IO);
}

static void end_at_exit(int code, void *unused)
{
    (void)unused;
    int last = command_end(code);
    if (last != code)
        _exit(last);
}

void command_begin(void)
{
    /* a set is written once and renamed; some file systems have no locks, and then refuse */
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    static char buffer[OUTPUT_BYTES]; /* holds all output of a command: so a write error appears
                                       * when it is flushed at the end */
    fill_standard_streams();
    if (!isatty(STDOUT_FILENO))
        setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    log_init();
    on_exit(end_at_exit, NULL);
}

void command_print_quoted(FILE *f, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_=./:,+@%";
    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, f);
        return;
    }
    fputc('\'', f);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", f);
        else
            fputc(*word, f);
    fputc('\'', f);
}

const char *command_quote(const char *path, char out[static COMMAND_QUOTED_BYTES])
{
    FILE *f = fmemopen(out, COMMAND_QUOTED_BYTES, "w");
    if (!f)
        return path;
    command_print_quoted(f, path);
    fclose(f);
    return out;
}

void command_print_line(FILE *f, const char *name, int argc, char **argv)
{
    fprintf(f, "bifrons %s", name);
    for (int i = 1; i < argc; i++) {
        fputc(' ', f);
        command_print_quoted(f, argv[i]);
    }
}

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int number)
{
    (void)number;
    stop_asked = 1;
}

void command_stop_on_signals(void)
{
    const struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool command_stop_wanted(void)
{
    return stop_asked;
}

bool command_ignores_signal(int signal_number)
{
    struct sigaction now;
    return sigaction(signal_number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int command_fail(const struct errmsg *em)
{
    if (em->rank >= 0)
        log_error("rank %d: %s", em->rank, em->text);
    else
        log_error("%s", em->text);
    return status_exit_code(em->code);
}

/* The value of the first variable that is a number from 0; -1 if none is. */
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
    /* not SLURM_NTASKS: a batch script has it, too, but is one process */
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
    /* a launcher ends the run with the first rank that ends: let the rank that reports be first */
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

bool command_find_config(const char *path, char out[static PATH_BYTES_MAX])
{
    static const char *const places[] = {
        "../share/bifrons/configs",    /* from bin */
        "../../share/bifrons/configs", /* from libexec/bifrons */
        "../../configs",               /* from build/release */
    };
    static const char *const inner[] = {"", "/clusters"};
    char self[PATH_BYTES_MAX], folder[PATH_BYTES_MAX], place[2 * PATH_BYTES_MAX];
    char *found = NULL;
    if (command_own_path(self, NULL) != ST_OK)
        return false;
    path_folder(self, folder, sizeof folder);
    for (size_t i = 0; i < ARRAY_LENGTH(places) * ARRAY_LENGTH(inner) && !found; i++) {
        snprintf(place, sizeof place, "%s/%s%s/%s", folder, places[i / 2], inner[i % 2],
                 path_name(path));
        found = realpath(place, NULL);
    }
    bool fits = found && file_exists(found) && path_join(out, PATH_BYTES_MAX, "", found);
    free(found);
    return fits;
}

const char *command_name_config(const char *path, char room[static PATH_BYTES_MAX])
{
    return !file_exists(path) && command_find_config(path, room) ? room : path;
}

void command_log_training(const char *how, const char *config, const char *set)
{
    char room[PATH_BYTES_MAX], quoted[2][COMMAND_QUOTED_BYTES];
    log_info("next: %s the other person's pictures, then bifrons train %s --set data.a=%s --set "
             "data.b=OTHER.h5",
             how, command_quote(command_name_config(config, room), quoted[0]),
             command_quote(set, quoted[1]));
}

/* ---- The engine ------------------------------------------------------------------------------ */

/* Tests whether the engine starts. With a memory limit, libtorch may end the process silently while
 * it is loaded. */
static bool engine_loads(const char *engine)
{
    char name[] = "bifrons info", option[] = "--usage";
    char *const words[] = {name, option, NULL};
    int how = 0;
    pid_t pid = fork();
    if (pid == 0) {
        int nowhere = open("/dev/null", O_RDWR);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0 && dup2(nowhere, STDERR_FILENO) >= 0)
            execv(engine, words);
        _exit(status_exit_code(ST_OK)); /* the real start reports the error */
    }
    while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    return pid < 0 || (WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static enum status check_limits(const char *engine, struct errmsg *em)
{
    static const struct {
        int resource;
        const char *option;
    } limits[] = {
        {RLIMIT_AS,   "-v"},
        {RLIMIT_DATA, "-d"},
    };
    struct rlimit limit;
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++)
        if (getrlimit(limits[i].resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
            !engine_loads(engine))
            return FAIL(em, ST_MEMORY,
                        "libtorch cannot be loaded within the %.0f MB that ulimit %s allows a "
                        "process: lift that limit (ulimit %s unlimited), or ask the batch system "
                        "for more memory",
                        (double)limit.rlim_cur / 1e6, limits[i].option, limits[i].option);
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
    /* in a build folder beside bifrons, once installed in ../libexec/bifrons */
    static const char *const places[] = {ENGINE_NAME, "../libexec/bifrons/" ENGINE_NAME};
    for (int i = 0; i < 2; i++)
        if (path_join(engine, sizeof engine, folder, places[i]) && file_exists(engine)) {
            if (check_limits(engine, &em) != ST_OK)
                return command_fail_once(&em);
            execv(engine, argv);
        }
    log_error("cannot start %s: %s; build or install bifrons again", engine, strerror(errno));
    return status_exit_code(ST_INTERNAL);
}
