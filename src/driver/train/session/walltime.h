/*
 * When a run has to stop by itself: train.max_minutes, or the end of the Slurm job it runs in,
 * whichever comes first. It stops early enough to save: by a lead learned from how long saving and
 * the longest wait between two chances to stop (a step; at the end of an epoch its validation) have
 * taken. Both are kept in the checkpoint, so a requeued job knows them from the start.
 *
 *     double left_s;
 *     bool known = walltime_job_left(&left_s);           // rank 0, before MPI has started
 *     walltime_init(&w, now_s, max_minutes, known ? left_s : INFINITY);
 *     walltime_note(&w, now_s);                          // after each step
 *     bool over = walltime_over(&w, now_s, save_s);
 *
 * Times are clock_seconds. On rank 0 only: the ranks agree on a step by its vote.
 */
#ifndef BIFRONS_DRIVER_TRAIN_WALLTIME_H
#define BIFRONS_DRIVER_TRAIN_WALLTIME_H

#include <stdbool.h>
#include <stddef.h>

struct walltime {
    double limit_s;   /* from the start to the end; INFINITY: none */
    double end_s;     /* of the time there is; INFINITY: never */
    const char *what; /* ends then; static */
    double stretch_s; /* longest time between two chances to stop; 0: not known */
    double noted_s;   /* the last chance; 0: none yet */
};

/*
 * Seconds left to the Slurm job of this process: from SLURM_JOB_END_TIME, or, where that is not
 * there or the wall clock stands outside of the job's time, asked of squeue, which is given ten
 * seconds. False outside of a job, where it has no time limit, or where the answer is not
 * understood. Starts a process: before MPI has started.
 */
bool walltime_job_left(double *left_s);
/* Seconds of Slurm's "[DAYS-][[HOURS:]MINUTES:]SECONDS"; false for anything else, as "UNLIMITED".
 */
bool walltime_parse(const char *text, double *seconds);

/* max_minutes: 0 for none; job_left_s: INFINITY for none. */
void walltime_init(struct walltime *w, double now_s, double max_minutes, double job_left_s);
/* A chance to stop. */
void walltime_note(struct walltime *w, double now_s);
/* Seconds before the end at which to stop, where saving takes save_s. */
double walltime_lead_s(const struct walltime *w, double save_s);
/* Is it time to stop? */
bool walltime_over(const struct walltime *w, double now_s, double save_s);
/* Seconds until the end; 0 where there is none. */
double walltime_left_s(const struct walltime *w, double now_s);
/* "train.max_minutes ends in 1 h 02 min, saving and stopping begin 12 s before". */
void walltime_describe(const struct walltime *w, double now_s, double save_s, char *out,
                       size_t out_bytes);

#endif
