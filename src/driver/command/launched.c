#include "launched.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/poison.h"

/* mpirun, and what can be between: a wrapper script, its daemon */
enum { GENERATIONS_MAX = 4, STAT_BYTES = 512 };

/* 0 if that process has ended. */
static pid_t parent_of(pid_t pid)
{
    char path[64], text[STAT_BYTES] = "";
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *name_end = strrchr(text, ')'); /* "PID (NAME) STATE PARENT …" */
    /* NOLINTNEXTLINE(cert-err34-c): the kernel wrote the number */
    return name_end && sscanf(name_end, ") %*c %d", &parent) == 1 ? (pid_t)parent : 0;
}

/* Process ids are reused: only an ancestor can be the launcher. */
static bool report(pid_t launcher, int what)
{
    pid_t pid = getppid();
    for (int i = 0; i < GENERATIONS_MAX && pid > 0 && pid != launcher; i++)
        pid = parent_of(pid);
    return pid > 0 && pid == launcher && /* the id may be 1 in a container */
           sigqueue(launcher, SIGRTMIN, (union sigval){.sival_int = what}) == 0;
}

static void mask(int how)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGUSR1);
    sigprocmask(how, &stops, NULL);
}

void launched_hold(void)
{
    mask(SIG_BLOCK);
}

void launched_begin(pid_t launcher)
{
    if (launcher <= 0)
        return;
    (void)report(launcher, LAUNCHED_BEGUN); /* fails on other nodes: mpirun signals them */
    mask(SIG_UNBLOCK);
}

int launched_end(pid_t launcher, int code)
{
    return launcher > 0 && report(launcher, code) ? 0 : code;
}
