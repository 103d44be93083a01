#include "walltime.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/poison.h"

/* A margin: both times may be longer than before, and ending the processes takes time. */
static const double SAFETY = 1.5, CLOCKS_DIFFER_S = 60, ENDING_S = 5, ENDING_SHARE = 0.1;
/* An upper bound: after one long wait (a slow disk), later jobs must not stop far too early. */
static const double LEAD_SHARE_MAX = 0.25;
static const double ANSWER_WITHIN_S = 10;
enum { ANSWER_BYTES = 128, NAME_BYTES = 64 };

extern char **environ;

/* --- The time limit of the Slurm job ---------------------------------------------------------- */

/* Reads the digits at *text and moves *text past them. */
static bool take_number(const char **text, double *out)
{
    enum { DIGITS_MAX = 9 };
    const char *start = *text;
    double value = 0;
    for (; **text >= '0' && **text <= '9' && *text - start < DIGITS_MAX; ++*text)
        value = 10 * value + (**text - '0');
    *out = value;
    return *text > start;
}

bool walltime_parse(const char *text, double *seconds)
{
    double part, days = 0, sum = 0;
    if (!take_number(&text, &part))
        return false;
    if (*text == '-') {
        days = part;
        text++;
        if (!take_number(&text, &part))
            return false;
    }
    sum = part;
    for (int colons = 0; *text == ':' && colons < 2; colons++) {
        text++;
        if (!take_number(&text, &part))
            return false;
        sum = 60 * sum + part;
    }
    if (*text != '\0')
        return false;
    *seconds = days * 86400 + sum;
    return true;
}

/* Reads the pipe to its end. False if that takes too long. */
static bool read_answer(int from, char answer[static ANSWER_BYTES])
{
    double end_s = clock_seconds() + ANSWER_WITHIN_S;
    size_t used = 0;
    for (;;) {
        struct pollfd wait_for = {.fd = from, .events = POLLIN};
        double left_s = end_s - clock_seconds();
        if (left_s <= 0)
            return false;
        if (poll(&wait_for, 1, (int)(left_s * 1e3) + 1) <= 0)
            continue; /* interrupted, or the deadline has passed */
        ssize_t n = read(from, answer + used, ANSWER_BYTES - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    answer[used] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    return true;
}

static bool start_squeue(const char *job, int to, pid_t *pid)
{
    char *const argv[] = {"squeue", "--noheader", "--jobs", (char *)job, "--format=%L", NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    bool started =
        posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO) == 0 &&
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
        posix_spawnp(pid, "squeue", &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return started;
}

static bool ask_squeue(const char *job, char answer[static ANSWER_BYTES])
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    bool started = start_squeue(job, ends[1], &pid);
    close(ends[1]);
    bool answered = started && read_answer(ends[0], answer);
    close(ends[0]);
    if (started && !answered)
        kill(pid, SIGKILL);
    while (started && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return answered;
}

static bool seconds_in(const char *variable, double *out)
{
    const char *text = getenv(variable);
    char *rest = NULL;
    double seconds = text ? strtod(text, &rest) : 0;
    if (!text || rest == text || *rest != '\0')
        return false;
    *out = seconds;
    return true;
}

/* If the clock is outside the job's own time, the clock is wrong: do not use it. */
static bool environment_says(double *left_s)
{
    double start_s, end_s, now = clock_wall_seconds();
    if (!seconds_in("SLURM_JOB_END_TIME", &end_s) || now >= end_s ||
        (seconds_in("SLURM_JOB_START_TIME", &start_s) && now < start_s - CLOCKS_DIFFER_S))
        return false;
    *left_s = end_s - now;
    return true;
}

/* "7" or, for a task of an array, "7_2": the last task's number is also that of the whole array. */
static bool job_name(char name[static NAME_BYTES])
{
    const char *job = getenv("SLURM_JOB_ID"), *array = getenv("SLURM_ARRAY_JOB_ID"),
               *task = getenv("SLURM_ARRAY_TASK_ID");
    bool is_task = array && *array && task && *task;
    int n = snprintf(name, NAME_BYTES, "%s%s%s",
                     is_task ? array
                     : job   ? job
                             : "",
                     is_task ? "_" : "", is_task ? task : "");
    return job && *job && n < NAME_BYTES;
}

bool walltime_job_left(double *left_s)
{
    char job[NAME_BYTES], answer[ANSWER_BYTES];
    if (!job_name(job))
        return false;
    return environment_says(left_s) || (ask_squeue(job, answer) && walltime_parse(answer, left_s));
}

/* --- When to stop ----------------------------------------------------------------------------- */

void walltime_init(struct walltime *w, double now_s, double max_minutes, double job_left_s)
{
    double own_s = max_minutes > 0 ? max_minutes * 60 : INFINITY;
    *w = (struct walltime){
        .limit_s = fmin(own_s, job_left_s),
        .what = own_s <= job_left_s ? "train.max_minutes" : "the Slurm job's time",
    };
    w->end_s = now_s + w->limit_s;
}

void walltime_record(struct walltime *w, double now_s)
{
    if (w->noted_s > 0)
        w->stretch_s = fmax(w->stretch_s, now_s - w->noted_s);
    w->noted_s = now_s;
}

double walltime_lead_s(const struct walltime *w, double save_s)
{
    double lead_s = SAFETY * (w->stretch_s + save_s) + fmin(ENDING_S, ENDING_SHARE * w->limit_s);
    return fmin(lead_s, LEAD_SHARE_MAX * w->limit_s);
}

bool walltime_over(const struct walltime *w, double now_s, double save_s)
{
    return isfinite(w->end_s) && now_s >= w->end_s - walltime_lead_s(w, save_s);
}

double walltime_left_s(const struct walltime *w, double now_s)
{
    return isfinite(w->end_s) ? fmax(w->end_s - now_s, 1) : 0;
}

void walltime_describe(const struct walltime *w, double now_s, double save_s, char *out,
                       size_t out_bytes)
{
    char left[32], lead[32];
    clock_format_duration(walltime_left_s(w, now_s), left, sizeof left);
    clock_format_duration(walltime_lead_s(w, save_s), lead, sizeof lead);
    snprintf(out, out_bytes, "%s ends in %s; the run saves and stops %s before", w->what, left,
             lead);
}
