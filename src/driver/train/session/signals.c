#include "signals.h"

#include <errno.h>
#include <linux/futex.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/status.h"
#include "command.h"

#include "base/poison.h"

enum {
    STOP_ASKED = 1,
    ASKED_BY_INT = 2,
    ASKED_BY_MPIRUN = 4,
    CHILD_OF_MPIRUN = 8,
    AT_ONCE = 16,
    AWAITED = 32, /* a thread is in signals_await_end */
    CALLED_OFF = 64,
    SPEAKS = 128 /* rank 0 */
};

static const double MPIRUN_KILLS_AFTER_S = 1; /* its odls_base_sigkill_timeout */

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler changes an atomic_int");
static atomic_int asked; /* also the futex of signals_await_end */

static void wake(void)
{
    syscall(SYS_futex, &asked, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void write_text(const char *text, size_t n)
{
    ssize_t ignored = write(STDERR_FILENO, text, n);
    (void)ignored;
}

/* The new requests of this signal, in addition to those `before`. */
static int request(int signal_number, const siginfo_t *info, int before)
{
    if (signal_number == SIGINT)
        return STOP_ASKED | (before & ASKED_BY_INT ? AT_ONCE : ASKED_BY_INT);
    if (signal_number == SIGUSR2)
        return STOP_ASKED | AT_ONCE;
    if (signal_number == SIGTERM && (before & CHILD_OF_MPIRUN) && info->si_pid == getppid())
        return STOP_ASKED | ASKED_BY_MPIRUN;
    return STOP_ASKED;
}

/* Uses only async-signal-safe functions (POSIX), and a futex. Other signals are blocked
 * meanwhile. */
static void ask_to_stop(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    static const char first[] = "\nstopping after this step; "
                                "interrupt again to end at once\n";
    static const char ended[] =
        "ended by mpirun before the first step; no checkpoint was written\n";
    int error = errno;
    int now = request(signal_number, info, atomic_load(&asked));
    int before = atomic_fetch_or(&asked, now);
    bool awaited = (before & (AWAITED | CALLED_OFF)) == AWAITED;
    if ((now & AT_ONCE) && (!awaited || (before & AT_ONCE)))
        _exit(status_exit_code(ST_INTERRUPTED));
    if (signal_number == SIGINT && !(now & AT_ONCE))
        write_text(first, sizeof first - 1);
    if ((now & ASKED_BY_MPIRUN) && (before & SPEAKS) && !(before & (AWAITED | CALLED_OFF)))
        write_text(ended, sizeof ended - 1);
    wake();
    errno = error;
}

void signals_install(void)
{
    static const int stops[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGHUP};
    enum { N_STOPS = sizeof stops / sizeof *stops };
    struct sigaction action = {.sa_sigaction = ask_to_stop, .sa_flags = SA_RESTART | SA_SIGINFO};
    asked = (getenv("OMPI_COMM_WORLD_SIZE") ? CHILD_OF_MPIRUN : 0) |
            (launcher_rank_guess() <= 0 ? SPEAKS : 0);
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < N_STOPS; i++)
        sigaddset(&action.sa_mask, stops[i]);
    for (int i = 0; i < N_STOPS; i++)
        if (stops[i] != SIGHUP || !command_ignores_signal(SIGHUP))
            sigaction(stops[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool signals_pending(void)
{
    return asked & STOP_ASKED;
}

double signals_time_left(void)
{
    return asked & ASKED_BY_MPIRUN ? MPIRUN_KILLS_AFTER_S : INFINITY;
}

bool signals_under_mpirun(void)
{
    return asked & CHILD_OF_MPIRUN;
}

enum signals_end signals_await_end(enum signals_end known)
{
    atomic_fetch_or(&asked, AWAITED);
    for (;;) {
        int seen = atomic_load(&asked);
        if (seen & CALLED_OFF)
            return SIGNALS_CALLED_OFF;
        if (seen & AT_ONCE)
            return SIGNALS_AT_ONCE;
        if ((seen & ASKED_BY_MPIRUN) && known != SIGNALS_MPIRUN)
            return SIGNALS_MPIRUN;
        syscall(SYS_futex, &asked, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    }
}

void signals_call_off(void)
{
    atomic_fetch_or(&asked, CALLED_OFF);
    wake();
}
