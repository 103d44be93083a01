#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"

#include "base/poison.h"

static void prepare_child(pid_t parent)
{
    static const int restored[] = {SIGALRM, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGXCPU};
    /* a batch system or a terminal sends these to all processes of a job; the parent decides */
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < ARRAY_LENGTH(restored); i++)
        signal(restored[i], SIG_DFL); /* MPI's crash handlers print a stack trace */
    for (size_t i = 0; i < ARRAY_LENGTH(ignored); i++)
        signal(ignored[i], SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* the parent ended before prctl */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
}

enum status child_start(int (*run)(int link, void *context), void *context, struct child *out,
                        struct errmsg *em)
{
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return FAIL_ERRNO(em, ST_INTERNAL, errno, "cannot make a link to a child process");
    pid_t pid = fork();
    int reason = errno;
    if (pid == 0) {
        close(ends[0]);
        prepare_child(parent);
        _exit(run(ends[1], context));
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return FAIL_ERRNO(em, ST_INTERNAL, reason, "cannot start a child process");
    }
    *out = (struct child){.pid = pid, .link = ends[0]};
    return ST_OK;
}

/* Waits until the link is ready for `events`, or the deadline has passed. */
static bool wait_ready(const struct child *c, short events, double until_s)
{
    struct pollfd p = {.fd = c->link, .events = events};
    for (;;) {
        double left_ms = ceil(1000 * (until_s - clock_seconds()));
        int n = poll(&p, 1, (int)fmin(fmax(left_ms, 0), 1e9));
        if (n > 0 || (n < 0 && errno != EINTR))
            return true; /* the next call reports an error */
        if (n == 0 && left_ms <= 0)
            return false;
    }
}

/* Moves all bytes with recv or send. */
static enum child_reply transfer(const struct child *c, uint8_t *in, const uint8_t *out, size_t n,
                                 double within_s)
{
    double until_s = clock_seconds() + within_s;
    for (size_t done = 0; done < n;) {
        if (!wait_ready(c, in ? POLLIN : POLLOUT, until_s))
            return CHILD_LATE;
        ssize_t moved = in ? recv(c->link, in + done, n - done, MSG_DONTWAIT)
                           : send(c->link, out + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (moved < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
            continue;
        if (moved <= 0)
            return CHILD_GONE;
        done += (size_t)moved;
    }
    return CHILD_OK;
}

enum child_reply child_receive(const struct child *c, void *bytes, size_t n, double within_s)
{
    return transfer(c, bytes, NULL, n, within_s);
}

enum child_reply child_send(const struct child *c, const void *bytes, size_t n, double within_s)
{
    return transfer(c, NULL, bytes, n, within_s);
}

int child_end(struct child *c, double within_s)
{
    uint8_t unread;
    int how = 0;
    double until_s = clock_seconds() + within_s;
    shutdown(c->link, SHUT_WR);
    enum child_reply reply = CHILD_OK;
    while (reply == CHILD_OK && clock_seconds() < until_s) /* the child may write without end */
        reply = child_receive(c, &unread, 1, until_s - clock_seconds());
    kill(c->pid, SIGKILL); /* a child that has ended keeps its status */
    close(c->link);
    while (waitpid(c->pid, &how, 0) < 0 && errno == EINTR)
        ;
    return how;
}
