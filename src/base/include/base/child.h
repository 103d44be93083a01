/*
 * A child process for work on untrusted bytes, linked to this process by a socket: a crash or a
 * hang of foreign code ends the child, not us.
 *
 *     struct child c;
 *     char text[6], word[] = "hello";
 *     if (child_start(answer, word, &c, &em) == ST_OK) {       // answer(link, word) in the child
 *         enum child_reply reply = child_receive(&c, text, sizeof text, 20);
 *         int how = child_end(&c, 0);
 *     }
 *
 * The child is a fork: it sees a copy of this process's memory. If this process has several
 * threads, the child may only use malloc, system calls and exec. It ends by _exit, so nothing of
 * MPI, CUDA or stdio is flushed or finalised twice. Handlers of crashes are reset. Signals that ask
 * a program to end (TERM, INT, HUP, USR1, USR2) are ignored: they often reach all processes of a
 * job, and the parent decides. It dumps no core, and standard error is /dev/null. The kernel kills
 * the child when the thread that started it ends.
 */
#ifndef BIFRONS_BASE_CHILD_H
#define BIFRONS_BASE_CHILD_H

#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

struct child {
    pid_t pid;
    int link; /* closed on exec; the child's end is the argument of its function */
};

enum child_reply {
    CHILD_OK,
    CHILD_GONE, /* the child closed the link: it has ended, or its function closed it */
    CHILD_LATE, /* the deadline passed */
};

/* Starts a child that calls run(link, context). run reads and writes the link; the value it returns
 * is the child's exit code. ST_INTERNAL: no process or socket. */
enum status child_start(int (*run)(int link, void *context), void *context, struct child *out,
                        struct errmsg *em) MUST_CHECK;

/* Receive or send all n bytes within within_s seconds. Sending to a child that has ended raises no
 * SIGPIPE. Bytes that it wrote before it ended can still be received. */
enum child_reply child_receive(const struct child *c, void *bytes, size_t n,
                               double within_s) MUST_CHECK;
enum child_reply child_send(const struct child *c, const void *bytes, size_t n,
                            double within_s) MUST_CHECK;

/* Terminates the strings of a message from a child, whose memory may be damaged. False: the
 * message's code is not a status. */
static inline bool child_message_fits(struct errmsg *em)
{
    em->where[sizeof em->where - 1] = em->text[sizeof em->text - 1] = '\0';
    return em->code >= ST_OK && em->code <= ST_INTERRUPTED;
}

/* Ends the writing side of the link, waits up to within_s seconds until the child closes its side,
 * then kills it. Returns its status as waitpid reports it. */
int child_end(struct child *c, double within_s);

#endif
