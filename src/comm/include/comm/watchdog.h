/*
 * Ends a job that hangs, and names the rank that holds it up.
 *
 *     struct watchdog *w;
 *     enum status st = watchdog_open(c, timeout_s, &w, &em);    // COLLECTIVE
 *     if (st != ST_OK)
 *         return st;
 *     watchdog_enter(w, WATCH_STEP, step);           // what this rank does from now on
 *     watchdog_close(w);                             // before comm_close
 *
 * Each rank has a thread that writes the rank's phase into memory shared by its node, and reads the
 * phases of the other ranks. It works also while the caller's thread hangs in MPI, NCCL or
 * libtorch. The job ends when
 *
 * - a rank works in one phase for longer than its deadline. The deadline is timeout_s, or less for
 * a phase of a step (reading excepted) or a batch of a validation that has been seen often: 20
 * times the longest one, but at least a minute. A stopped process counts as working; a rank that
 * waits for other ranks does not;
 * - all ranks have waited for each other for timeout_s;
 * - the process of a rank, or its launcher, is gone.
 *
 * Time does not count while this process is stopped, or while a debugger holds a rank of the node.
 * WATCH_PREPARE and WATCH_END have no deadline. WATCH_SAVE has a minute more, for a slow disk. The
 * watchdog warns after half of a deadline.
 *
 * To end the job, one rank of each node logs the culprit and the phase of every rank, then calls
 * comm_abort, and _exit if that hangs. The exit code is 75 if a checkpoint was saved since the
 * start, else 70.
 *
 * timeout_s = 0 gives NULL: a watchdog that does nothing.
 */
#ifndef BIFRONS_COMM_WATCHDOG_H
#define BIFRONS_COMM_WATCHDOG_H

#include "comm/comm.h"

enum watchdog_phase {
    WATCH_PREPARE, /* for steps that may take longer: forgets the durations seen so far */
    WATCH_STEP,    /* the rest of a step, beside the next four */
    WATCH_READ,    /* reading pictures */
    WATCH_COMPUTE, /* forward and backward */
    WATCH_REDUCE,  /* summing gradients and losses over ranks */
    WATCH_UPDATE,  /* updating the parameters */
    WATCH_VALIDATE,
    WATCH_REPORT, /* metrics, previews, pages, readers of points: file servers stall */
    WATCH_SAVE,
    WATCH_END,
    WATCH_PHASES
};

struct watchdog;

/* COLLECTIVE. The timeout_s of rank 0 counts; 0: off. */
enum status watchdog_open(struct comm *c, double timeout_s, struct watchdog **out,
                          struct errmsg *em) MUST_CHECK;
/* Stops watching this rank: it has ended in order. Not collective. */
void watchdog_close(struct watchdog *w);

/* Begins a phase, or begins the same phase again. One thread; makes no system call. */
void watchdog_enter(struct watchdog *w, enum watchdog_phase phase, int64_t step);
/* Records that a checkpoint has been saved since the start. Any thread. */
void watchdog_record_saved(struct watchdog *w);

/* Ends the job as described above, after a failure that leaves ranks out of step. Any thread. */
_Noreturn void watchdog_end_job(struct watchdog *w, const char *why);

#endif
