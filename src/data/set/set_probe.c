/*
 * Opens an untrusted set in a child process first: libhdf5 1.10 crashes or hangs on some damaged
 * metadata, and must not end a training run.
 *
 * fork, not spawn: the child needs no program of its own and sees the same libhdf5. Forking beside
 * other threads is safe here: the child uses only libhdf5 and malloc. No other thread holds
 * libhdf5's lock (one thread at a time uses sets), and glibc makes malloc usable after fork. The
 * child ends by _exit, so nothing of MPI, CUDA or stdio is flushed or finalised twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "set_priv.h"

enum { DEADLINE_S = 20 };

_Noreturn static void child(const char *path, int to_parent)
{
    static const int restored[] = {SIGALRM, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof restored / sizeof *restored; i++)
        signal(restored[i], SIG_DFL); /* a crash handler of MPI's would print a stack trace */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
    alarm(DEADLINE_S);

    struct errmsg em = {0};
    struct set_file f;
    enum status st = set_file_open(path, &f, &em);
    if (st == ST_OK) {
        st = set_points_check(&f, path, &em);
        if (st == ST_OK)
            st = set_numbers_check(&f, path, &em);
        set_file_release(&f);
    }
    BUG_ON(st != em.code);
    ssize_t written = write(to_parent, &em, sizeof em);
    _exit(written == (ssize_t)sizeof em ? 0 : 1);
}

/* Reads the child's result; false: incomplete, because the child died. */
static bool read_verdict(int from_child, struct errmsg *verdict)
{
    size_t done = 0;
    while (done < sizeof *verdict) {
        ssize_t n = read(from_child, (char *)verdict + done, sizeof *verdict - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

enum status set_probe(const char *path, struct errmsg *em)
{
    int ends[2], how = 0;
    if (pipe(ends) != 0)
        return FAIL_ERRNO(em, ST_INTERNAL, errno, "cannot examine %s", path);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(path, ends[1]);
    }
    close(ends[1]);
    struct errmsg verdict = {0};
    bool told = pid > 0 && read_verdict(ends[0], &verdict);
    close(ends[0]);
    if (pid < 0)
        return FAIL_ERRNO(em, ST_INTERNAL, errno, "cannot examine %s", path);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    if (!told && WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM)
        return FAIL(em, ST_DATA,
                    "%s is damaged: reading its metadata did not end within %d s; pack it again",
                    path, DEADLINE_S);
    if (!told)
        return FAIL(em, ST_DATA, "%s is damaged: reading its metadata crashes; pack it again",
                    path);
    if (verdict.code != ST_OK && em && em->code == ST_OK)
        *em = verdict;
    return verdict.code;
}
