/*
 * When a run has to stop by itself: train.max_minutes, or the end of the Slurm job it runs in,
 * whichever comes first. It stops early enough to save. The time needed is learned from the saves,
 * and from the longest wait between two chances to stop (after each step; a validation can be in
 * between). The checkpoint keeps both, so a requeued job knows them from the start.
 *
 *     double left_s;
 *     bool known = walltime_job_left(&left_s);           // rank 0, before MPI has started
 *     walltime_init(&w, now_s, max_minutes, known ? left_s : INFINITY);
 *     walltime_record(&w, now_s);                          // after each step
 *     bool over = walltime_over(&w, now_s, save_s);
 *
 * Times are clock_seconds. On rank 0 only: the other ranks learn of the stop in the vote of a step.
 */
#ifndef BIFRONS_DRIVER_TRAIN_WALLTIME_H
#define BIFRONS_DRIVER_TRAIN_WALLTIME_H

#include <stdbool.h>
#include <stddef.h>

struct walltime {
    double limit_s;   /* from the start to the end; INFINITY: none */
    double end_s;     /* when the time is over; INFINITY: never */
    const char *what; /* the limit that ends then; a static text */
    double stretch_s; /* longest time between two chances to stop; 0: not known */
    double noted_s;   /* the last chance to stop; 0: none yet */
};

/*
 * Seconds left to the Slurm job of this process: from SLURM_JOB_END_TIME, or from squeue (given ten
 * seconds) if that is not set or the clock is outside the job's time. False outside of a job,
 * without a time limit, or if the answer is not understood. Starts a process, so call it before MPI
 * starts.
 */
bool walltime_job_left(double *left_s);
/* Parses Slurm's "[DAYS-][[HOURS:]MINUTES:]SECONDS". False for anything else, such as
 * "UNLIMITED". */
bool walltime_parse(const char *text, double *seconds);

/* max_minutes: 0 for none; job_left_s: INFINITY for none. */
void walltime_init(struct walltime *w, double now_s, double max_minutes, double job_left_s);
/* Records a chance to stop. */
void walltime_record(struct walltime *w, double now_s);
/* How many seconds before the end to stop, if saving takes save_s. */
double walltime_lead_s(const struct walltime *w, double save_s);
/* True if it is time to stop. */
bool walltime_over(const struct walltime *w, double now_s, double save_s);
/* Seconds until the end; 0 if there is no limit. */
double walltime_left_s(const struct walltime *w, double now_s);
/* "train.max_minutes ends in 1 h 02 min; the run saves and stops 12 s before". */
void walltime_describe(const struct walltime *w, double now_s, double save_s, char *out,
                       size_t out_bytes);

#endif
