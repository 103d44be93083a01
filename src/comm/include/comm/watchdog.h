/*
 * Ends a job that stands still, and says who holds it up.
 *
 *     struct watchdog *w;
 *     enum status st = watchdog_open(c, timeout_s, &w, &em);    // COLLECTIVE
 *     if (st != ST_OK)
 *         return st;
 *     watchdog_enter(w, WATCH_STEP, step);           // what this rank does from here on
 *     watchdog_close(w);                             // before comm_close
 *
 * Each rank has a thread that writes what the rank is at into memory shared by its host, and looks
 * at what the others are at. It needs nothing of the caller's thread, which may be stuck in MPI,
 * NCCL or libtorch. The job ends when
 * - a rank works on one thing for longer than its deadline: timeout_s, or, once that phase of a
 * step or a validation has been seen often, 20 times the longest so far, but a minute at least. A
 * stopped process counts as one that works; a rank that waits for others does not;
 * - all ranks wait for each other, for timeout_s;
 * - a rank's process, or its launcher, has gone.
 * Time in which this process did not run does not count, nor does any while a debugger holds a rank
 * of the host. WATCH_PREPARE and WATCH_END have no deadline, and WATCH_SAVE has a minute more, for
 * a slow disk. After half of a deadline a line warns.
 *
 * The end: one rank of each host logs the culprit and what every rank was at; then comm_abort, and
 * should that hang, too, _exit, with 75 where a checkpoint was made since the start and 70
 * otherwise.
 *
 * NULL, which is what timeout_s = 0 gives, is a watchdog that does nothing.
 */
#ifndef BIFRONS_COMM_WATCHDOG_H
#define BIFRONS_COMM_WATCHDOG_H

#include "comm/comm.h"

enum watchdog_phase {
    WATCH_PREPARE, /* for steps that may take longer: what was seen before them is forgotten */
    WATCH_STEP,    /* its beginning, and what is none of the next four */
    WATCH_READ,    /* pictures */
    WATCH_COMPUTE, /* forward and backward */
    WATCH_REDUCE,  /* gradients and losses of all ranks */
    WATCH_UPDATE,  /* of the parameters */
    WATCH_VALIDATE,
    WATCH_PREVIEW,
    WATCH_SAVE,
    WATCH_END,
    WATCH_PHASES
};

struct watchdog;

/* COLLECTIVE. timeout_s is rank 0's; 0: off. */
enum status watchdog_open(struct comm *c, double timeout_s, struct watchdog **out,
                          struct errmsg *em) MUST_CHECK;
/* From here on what this rank does is none of the watchdog's business. Not collective. */
void watchdog_close(struct watchdog *w);

/* Begins a phase, or the same one anew. One thread. Enters the kernel for nothing. */
void watchdog_enter(struct watchdog *w, enum watchdog_phase phase, int64_t step);
/* A checkpoint made since the start is whole. Any thread. */
void watchdog_note_saved(struct watchdog *w);

/* Ends the job as above, because of a failure that leaves ranks out of step. Any thread. */
_Noreturn void watchdog_end_job(struct watchdog *w, const char *why);

#endif
