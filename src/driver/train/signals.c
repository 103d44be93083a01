#include "signals.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/status.h"

#include "base/poison.h"

enum { STOP_ASKED = 1, ASKED_BY_INT = 2, ASKED_BY_MPIRUN = 4, CHILD_OF_MPIRUN = 8 };

static const double MPIRUN_KILLS_AFTER_S = 1; /* its odls_base_sigkill_timeout */

static volatile sig_atomic_t asked;

/* Only what POSIX calls async-signal-safe. The other two are blocked while one is handled. */
static void ask_to_stop(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    static const char first[] = "\nstopping after this step; "
                                "interrupt again to end at once\n";
    bool by_mpirun = (asked & CHILD_OF_MPIRUN) && info->si_pid == getppid();
    asked |= STOP_ASKED;
    if (signal_number == SIGTERM && by_mpirun)
        asked |= ASKED_BY_MPIRUN;
    if (signal_number != SIGINT)
        return;
    if (asked & ASKED_BY_INT)
        _exit(status_exit_code(ST_INTERRUPTED));
    asked |= ASKED_BY_INT;
    ssize_t unheard = write(STDERR_FILENO, first, sizeof first - 1);
    (void)unheard;
}

void signals_install(void)
{
    static const int stops[] = {SIGUSR1, SIGTERM, SIGINT};
    enum { N_STOPS = sizeof stops / sizeof *stops };
    struct sigaction action = {.sa_sigaction = ask_to_stop, .sa_flags = SA_RESTART | SA_SIGINFO};
    asked = getenv("OMPI_COMM_WORLD_SIZE") ? CHILD_OF_MPIRUN : 0;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < N_STOPS; i++)
        sigaddset(&action.sa_mask, stops[i]);
    for (int i = 0; i < N_STOPS; i++)
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
