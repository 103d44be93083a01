/*
 * Prints a backtrace when a signal ends a program:
 *
 *     LD_PRELOAD=build/cuda/bench/libbacktrace.so PROGRAM
 *
 * scripts/check-gpu runs a crashed test again with it: GPU machines often have no debugger.
 */
#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

enum { FRAMES_MAX = 64 };

static void print_frames(int number)
{
    static const char title[] = "backtrace:\n";
    void *frames[FRAMES_MAX];
    ssize_t written = write(STDERR_FILENO, title, sizeof title - 1);
    (void)written;
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
    signal(number, SIG_DFL);
    raise(number);
}

__attribute__((constructor)) static void begin(void)
{
    void *frame[1];
    backtrace(frame, 1); /* its first call loads a library; a signal handler must not do that */
    static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], print_frames);
}
