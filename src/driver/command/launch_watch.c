#include "launch_priv.h"

#include <errno.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "command.h"
#include "launched.h"

#include "base/poison.h"

/* mpirun needs two seconds to kill ranks that do not end by themselves */
static const double MPIRUN_ENDS_IN_S = 5;
/* without mpirun: their watchdog checks four times a second, then reports */
static const double RANKS_END_IN_S = 5;
static const long LOOK_NS = 100000000;

/* ---- Requests to the ranks ------------------------------------------------------------------- */

static void signal_ranks(const struct launch *l, int signal_number)
{
    for (int i = 0; i < l->n_begun && !l->ended; i++)
        kill(l->ranks[i], signal_number);
}

/* Signals the ranks directly, because mpirun prints a line for each signal that it passes on. Ranks
 * that are not ready yet are asked later. */
static void ask_to_stop(struct launch *l)
{
    if (l->n_begun > 0)
        signal_ranks(l, SIGUSR1);
    else if (!l->ended)
        kill(l->mpirun, SIGUSR1);
    l->stop_asked = true;
}

/* mpirun first: while it ends, it does not report ranks that end. */
static void end_at_once(struct launch *l)
{
    if (l->at_once || l->ended)
        return;
    l->at_once = true;
    l->patience_s = clock_seconds() + MPIRUN_ENDS_IN_S;
    kill(l->mpirun, SIGTERM);
    signal_ranks(l, SIGUSR2);
}

static void interrupt(struct launch *l)
{
    if (l->interrupted) {
        end_at_once(l);
        return;
    }
    l->interrupted = true;
    log_info("\nstopping after this step; interrupt again to end at once");
    ask_to_stop(l);
}

/* Ctrl-Z, for this process and the ranks. We stop by the signal itself, because the kernel ignores
 * it if no shell could wake us. */
static void suspend(const struct launch *l)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    signal_ranks(l, SIGSTOP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    signal_ranks(l, SIGCONT);
}

/* what: LAUNCHED_BEGUN, or the run's exit code. */
static void receive_message(struct launch *l, pid_t rank, int what)
{
    if (what != LAUNCHED_BEGUN) {
        l->told = what;
        return;
    }
    if (l->n_begun == l->n_ranks)
        return;
    l->ranks[l->n_begun++] = rank;
    if (l->at_once)
        kill(rank, SIGUSR2);
    else if (l->stop_asked)
        kill(rank, SIGUSR1);
}

/* ---- The watch ------------------------------------------------------------------------------- */

static void take(struct launch *l, const siginfo_t *info)
{
    if (info->si_signo == SIGRTMIN && info->si_code == SI_QUEUE)
        receive_message(l, info->si_pid, info->si_value.sival_int);
    else if (info->si_signo == SIGINT)
        interrupt(l);
    else if (info->si_signo == SIGUSR2)
        end_at_once(l);
    else if (info->si_signo == SIGTSTP)
        suspend(l);
    else if (info->si_signo != SIGCHLD && info->si_signo != SIGRTMIN)
        ask_to_stop(l);
}

/* True if no process is left. Processes whose parent has ended become our children (launch_run). */
static bool reap(struct launch *l)
{
    int how;
    pid_t pid;
    while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
        if (pid == l->mpirun) {
            l->ended = true;
            l->how = how;
            l->patience_s = clock_seconds() + (l->at_once ? 0 : RANKS_END_IN_S);
        }
    return pid < 0 && errno == ECHILD;
}

/* Kills what is left: ranks that outlive mpirun, or mpirun. */
static void kill_rest(const struct launch *l)
{
    if (!l->ended)
        kill(l->mpirun, SIGKILL);
    for (int i = 0; i < l->n_begun && l->ended; i++)
        if (waitpid(l->ranks[i], NULL, WNOHANG) == 0) /* our child, and alive */
            kill(l->ranks[i], SIGKILL);
}

static bool next_signal(const struct launch *l, const struct timespec *timeout, siginfo_t *info)
{
    return (timeout ? sigtimedwait(&l->signals, info, timeout) : sigwaitinfo(&l->signals, info)) >
           0;
}

void launch_watch(struct launch *l)
{
    const struct timespec look = {.tv_nsec = LOOK_NS}, at_once = {0};
    siginfo_t info;
    while (!reap(l)) {
        double late_s = l->patience_s > 0 ? clock_seconds() - l->patience_s : -1;
        if (late_s > 0)
            kill_rest(l);
        if (late_s > RANKS_END_IN_S && l->ended)
            break; /* not ours: started by another program below mpirun */
        if (next_signal(l, l->patience_s > 0 ? &look : NULL, &info))
            take(l, &info);
    }
    while (next_signal(l, &at_once, &info)) /* SIGCHLD is delivered before real-time signals that
                                             * were sent earlier */
        take(l, &info);
}

void launch_watch_prepare(struct launch *l, sigset_t *before)
{
    const int taken[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGRTMIN};
    const int unless_ignored[] = {SIGHUP, SIGTSTP};
    sigemptyset(&l->signals);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        sigaddset(&l->signals, taken[i]);
    for (size_t i = 0; i < sizeof unless_ignored / sizeof *unless_ignored; i++)
        if (!command_ignores_signal(unless_ignored[i]))
            sigaddset(&l->signals, unless_ignored[i]);
    signal(SIGCHLD, SIG_DFL); /* if it is ignored, waitpid gets no status */
    sigprocmask(SIG_BLOCK, &l->signals, before);
}
