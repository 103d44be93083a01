#include "signals.h"

#include <signal.h>
#include <unistd.h>

#include "base/status.h"

#include "base/poison.h"

enum { NOTHING_ASKED, STOP_ASKED, STOP_ASKED_BY_INT };

static volatile sig_atomic_t asked;

/* Only what POSIX calls async-signal-safe. The other two are blocked while one is handled. */
static void ask_to_stop(int signal_number)
{
    static const char first[] = "\nstopping after this step, with a checkpoint; "
                                "interrupt again to end at once\n";
    if (signal_number != SIGINT) {
        asked = asked == NOTHING_ASKED ? STOP_ASKED : asked;
        return;
    }
    if (asked == STOP_ASKED_BY_INT)
        _exit(status_exit_code(ST_INTERRUPTED));
    asked = STOP_ASKED_BY_INT;
    ssize_t unheard = write(STDERR_FILENO, first, sizeof first - 1);
    (void)unheard;
}

void signals_install(void)
{
    static const int stops[] = {SIGUSR1, SIGTERM, SIGINT};
    enum { N_STOPS = sizeof stops / sizeof *stops };
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < N_STOPS; i++)
        sigaddset(&action.sa_mask, stops[i]);
    for (int i = 0; i < N_STOPS; i++)
        sigaction(stops[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool signals_pending(void)
{
    return asked != NOTHING_ASKED;
}
