/*
 * Opens an untrusted set in a child process first: libhdf5 1.10 crashes or hangs on some damaged
 * metadata, and must not end a training run.
 *
 * fork, not spawn: the child needs no program of its own and sees the same libhdf5. Forking beside
 * other threads is safe here: the child uses only libhdf5 and malloc. No other thread holds
 * libhdf5's lock (one thread at a time uses sets), and glibc makes malloc usable after fork.
 */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "set_priv.h"

/* Processor time for a set of 0 bytes, and for each further GiB: libhdf5 may loop for ever on
 * damaged metadata. The wall time is for the file system: a server that fails over answers after
 * minutes. */
enum { PROCESSOR_S = 20, PROCESSOR_S_PER_GIB = 1, WALL_S = 600 };

static int processor_seconds(const char *path)
{
    struct stat s;
    return PROCESSOR_S + (stat(path, &s) == 0 ? (int)(s.st_size >> 30) * PROCESSOR_S_PER_GIB : 0);
}

/* In the child: sends the verdict. */
static int examine(int link, void *context)
{
    const char *path = context;
    struct errmsg em = {0};
    struct set_file f;
    rlim_t seconds = (rlim_t)processor_seconds(path);
    setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds + 1}); /* then SIGXCPU */
    enum status st = set_file_open(path, &f, &em);
    if (st == ST_OK) {
        st = set_points_check(&f, path, &em);
        if (st == ST_OK)
            st = set_faces_check(&f, path, &em);
        set_file_release(&f);
    }
    BUG_ON(st != em.code);
    return write(link, &em, sizeof em) == (ssize_t)sizeof em ? 0 : 1;
}

enum status set_probe(const char *path, struct errmsg *em)
{
    struct child c;
    struct errmsg verdict = {0}, why = {0};
    if (child_start(examine, (void *)path, &c, &why) != ST_OK)
        return FAIL(em, why.code, "cannot examine %s: %s", path, why.text);
    enum child_reply reply = child_receive(&c, &verdict, sizeof verdict, WALL_S);
    int how = child_end(&c, 0);
    if (reply == CHILD_LATE)
        return FAIL(em, ST_IO, "cannot read %s: its file system has not answered for %d s", path,
                    WALL_S);
    if (reply == CHILD_GONE && WIFSIGNALED(how) && WTERMSIG(how) == SIGXCPU)
        return FAIL(em, ST_DATA,
                    "%s is damaged: reading its metadata did not end within %d s of processor "
                    "time; pack it again",
                    path, processor_seconds(path));
    if (reply == CHILD_GONE || !child_message_fits(&verdict)) /* libhdf5 may have overwritten it */
        return FAIL(em, ST_DATA, "%s is damaged: reading its metadata crashes; pack it again",
                    path);
    if (verdict.code != ST_OK && em && em->code == ST_OK)
        *em = verdict;
    return verdict.code;
}
