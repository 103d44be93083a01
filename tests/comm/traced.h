/* A child that attaches to this process, as a debugger does, and lets go of it later. */
#ifndef BIFRONS_TESTS_COMM_TRACED_H
#define BIFRONS_TESTS_COMM_TRACED_H

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <unistd.h>

/* Returns the child. */
static inline pid_t be_traced(double seconds)
{
    static const char text[] = "let go\n";
    pid_t parent = getpid(), child;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    child = fork();
    if (child != 0)
        return child;
    if (ptrace(PTRACE_SEIZE, parent, NULL, NULL) != 0)
        perror("cannot trace");
    usleep((useconds_t)(seconds * 1e6));
    _exit(write(STDERR_FILENO, text, sizeof text - 1) < 0);
}

#endif
