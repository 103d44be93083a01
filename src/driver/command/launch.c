#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/log.h"
#include "command.h"
#include "launch_priv.h"

#include "base/poison.h"

enum { OPTIONS_MAX = 16, NUMBER_BYTES = 32, SIGNAL_CODE = 128 };

/* ---- Where --ranks is allowed ---------------------------------------------------------------- */

enum status launch_check(int n_ranks, struct errmsg *em)
{
    const char *batch_system = "", *variable = launcher_allocation(&batch_system);
    bool slurm = variable && strcmp(batch_system, "Slurm") == 0;
    if (variable)
        return FAIL(em, ST_USAGE,
                    "--ranks %d is for your own computer; this is a %s job (%s is set): leave "
                    "--ranks out and start the ranks with %s bifrons train …%s",
                    n_ranks, batch_system, variable, slurm ? "srun --mpi=pmix" : "mpirun",
                    slurm ? ", or with sbatch slurm/train.sbatch" : "");
    if (launcher_rank_guess() >= 0)
        return FAIL(em, ST_USAGE,
                    "--ranks %d starts the ranks, but a launcher (mpirun or srun) has started this "
                    "one already: leave --ranks out, or the launcher",
                    n_ranks);
    return ST_OK;
}

/* More ranks than processors work, but no faster. */
static void warn_of_few_processors(int n_ranks)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : n_ranks;
    if (n < n_ranks)
        log_warn("--ranks %d is more than the %d processor%s: %d rank%s would be as fast", n_ranks,
                 n, PLURAL(n), n, PLURAL(n));
}

/* ---- mpirun ---------------------------------------------------------------------------------- */

/*
 * The command line of mpirun, with options that both Open MPI 4 and 5 (prterun) accept.
 *
 * --bind-to none: by default mpirun binds each of two ranks, with all its threads, to one core. It
 * chooses from all cores of the machine, even if taskset or a container restricts this process.
 * Unbound ranks divide the processors of this process between them (train.threads = 0), and a rank
 * with a GPU moves to the processors next to it.
 *
 * OVERSUBSCRIBE: otherwise mpirun refuses more ranks than cores, without hyperthreads.
 *
 * No --quiet: it would also hide the reason if mpirun starts nothing. mpirun prints no banner about
 * exit codes, because ranks report theirs directly (launched.h).
 */
static char **command_line(const struct launch *l, const char *self, int argc, char **argv)
{
    static char n_ranks[NUMBER_BYTES], launcher[NUMBER_BYTES];
    snprintf(n_ranks, sizeof n_ranks, "%d", l->n_ranks);
    snprintf(launcher, sizeof launcher, "--launched=%d", (int)getpid());
    const char *const begin[] = {"mpirun", "--bind-to", "none", "--map-by", "slot:OVERSUBSCRIBE"};
    const char *const end[] = {"-n", n_ranks, self, "train", launcher};
    const char **line = calloc(OPTIONS_MAX + (size_t)argc, sizeof *line);
    int n = 0;
    for (size_t i = 0; line && i < ARRAY_LENGTH(begin); i++)
        line[n++] = begin[i];
    if (line && geteuid() == 0)
        line[n++] = "--allow-run-as-root"; /* the user is root already */
    for (size_t i = 0; line && i < ARRAY_LENGTH(end); i++)
        line[n++] = end[i];
    for (int i = 1; line && i < argc; i++)
        line[n++] = argv[i];
    return (char **)line;
}

/*
 * In the child: its own session, so that Ctrl-C at our terminal does not reach it and `stty tostop`
 * does not stop its output. Returns errno if mpirun did not start.
 */
static int become_mpirun(char **line, pid_t launcher, const sigset_t *mask)
{
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != launcher)
        _exit(SIGNAL_CODE + SIGTERM);        /* the launcher ended before prctl */
    unsetenv("OMPI_MCA_orte_execute_quiet"); /* --quiet */
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(line[0], line);
    return errno;
}

static enum status fail_to_start(int error, struct errmsg *em)
{
    if (error == ENOENT)
        return FAIL(em, ST_NODEVICE,
                    "--ranks needs Open MPI's mpirun, which is not in PATH: on Debian, sudo "
                    "apt-get install openmpi-bin; on a cluster, module load openmpi");
    return FAIL_ERRNO(em, ST_NODEVICE, error, "--ranks cannot start mpirun");
}

/* exec closes the pipe; if exec fails, errno comes through it. */
static enum status start_mpirun(struct launch *l, char **line, const sigset_t *mask,
                                struct errmsg *em)
{
    int ends[2], error = 0;
    pid_t self = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_to_start(errno, em);
    l->mpirun = fork();
    if (l->mpirun == 0) {
        error = become_mpirun(line, self, mask);
        ssize_t told = write(ends[1], &error, sizeof error);
        _exit(told == sizeof error ? 0 : 1);
    }
    if (l->mpirun < 0)
        error = errno;
    close(ends[1]);
    while (l->mpirun > 0 && read(ends[0], &error, sizeof error) < 0 && errno == EINTR)
        ;
    close(ends[0]);
    if (error && l->mpirun > 0)
        waitpid(l->mpirun, NULL, 0);
    return error ? fail_to_start(error, em) : ST_OK;
}

/* ---- The result ------------------------------------------------------------------------------ */

/* The target of latest.pt; "": none. Names of later steps are greater. */
static void read_latest(const char *out, char target[static PATH_BYTES_MAX])
{
    char path[PATH_BYTES_MAX];
    ssize_t n = -1;
    if (path_join(path, sizeof path, out, "checkpoints/latest.pt"))
        n = readlink(path, target, PATH_BYTES_MAX - 1);
    target[MAX(n, 0)] = '\0';
}

static bool is_ours(int code)
{
    static const int codes[] = {
#define X(name, exit_code, meaning) exit_code,
        STATUS_MAP(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

static const char *saved_text(bool saved)
{
    return saved ? "the same command goes on from the last checkpoint"
                 : "no checkpoint was made since the start";
}

/* For a killed rank or mpirun, or a failure of mpirun. As the watchdog: 75 if a checkpoint was made
 * since the start. */
static int failure_exit_code(const struct launch *l, bool saved)
{
    bool killed = WIFSIGNALED(l->how);
    int code = killed ? 0 : WEXITSTATUS(l->how);
    int signal_number = killed ? WTERMSIG(l->how) : code - SIGNAL_CODE;
    bool early = l->stop_asked && l->n_begun == 0 && signal_number > 0;
    if (early || signal_number == SIGUSR1) { /* the ranks had no handler yet */
        log_info("stopped before training began; the same command begins it");
        return status_exit_code(ST_AGAIN);
    }
    if (l->n_begun == 0 && !killed) {
        log_error("mpirun started no rank (exit code %d): its own message is above", code);
        return status_exit_code(ST_NODEVICE);
    }
    const char *next = saved_text(saved);
    if (killed)
        log_error("mpirun was ended by signal %d (%s); %s", signal_number, strsignal(signal_number),
                  next);
    else if (signal_number > 0)
        log_error("a rank was ended by signal %d (%s%s); %s", signal_number,
                  strsignal(signal_number),
                  signal_number == SIGKILL ? ", as the kernel does where memory runs out" : "",
                  next);
    else
        log_error("mpirun ended with exit code %d: it was stopped, or its message is above; %s",
                  code, next);
    return status_exit_code(saved ? ST_AGAIN : ST_PEER);
}

/* Logs how the run ended, unless the ranks have done so, and returns its exit code. saved: a
 * checkpoint was made since the start. */
static int final_exit_code(const struct launch *l, bool saved)
{
    if (l->told >= 0)
        return l->told;
    if (l->at_once) {
        log_info("ended at once; %s", saved_text(saved));
        return status_exit_code(ST_INTERRUPTED);
    }
    if (WIFEXITED(l->how) && is_ours(WEXITSTATUS(l->how)))
        return WEXITSTATUS(l->how);
    return failure_exit_code(l, saved);
}

int launch_run(int n_ranks, const char *out, int argc, char **argv)
{
    struct errmsg em = {0};
    struct launch l = {.n_ranks = n_ranks, .told = -1};
    char self[PATH_BYTES_MAX], before[PATH_BYTES_MAX], after[PATH_BYTES_MAX];
    char **line = NULL;
    sigset_t mask;
    enum status st = command_own_path(self, &em);
    l.ranks = calloc((size_t)n_ranks, sizeof *l.ranks);
    if (st == ST_OK)
        line = command_line(&l, self, argc, argv);
    if (st == ST_OK && (!l.ranks || !line))
        st = FAIL(&em, ST_MEMORY, "out of memory");
    if (st == ST_OK) {
        read_latest(out, before);
        warn_of_few_processors(n_ranks);
        launch_watch_prepare(&l, &mask);
        signal(SIGPIPE, SIG_IGN);
        prctl(PR_SET_CHILD_SUBREAPER, 1); /* if mpirun has ended, its ranks become our children */
        st = start_mpirun(&l, line, &mask, &em);
    }
    if (st == ST_OK)
        launch_watch(&l);
    free(line);
    free(l.ranks);
    if (st != ST_OK)
        return command_fail(&em);
    read_latest(out, after);
    return final_exit_code(&l, strcmp(after, before) > 0);
}
