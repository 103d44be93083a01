#include "find_batch.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "batch_trials.h"
#include "host_memory.h"
#include "plan_memory.h"
#include "resume.h"
#include "run_plan.h"
#include "signals.h"
#include "stage_open.h"
#include "step.h"

#include "base/poison.h"

/* The first steps are slower: libtorch chooses kernels, and records a CUDA graph after a few
 * steps. */
enum { WARM_UP_CPU = 2, WARM_UP_GPU = 6, STEPS_MIN = 3, STEPS_MAX = 20 };
static const double TRIAL_S = 1;
static const double LR = 1e-6; /* too small to change the network */
static const double GB = 1e9;

struct search {
    struct session *s;
    struct batch_trials trials;
    bool gpu;         /* the trials run on a GPU */
    const char *end;  /* why it ended, as text */
    const char *code; /* the same for JSON */
};

/* ---- Memory ---------------------------------------------------------------------------------- */

/* The host memory of a rank in bytes by bifrons plan; 0 for 0 pairs. */
static double planned_bytes(const struct session *s, int64_t pairs)
{
    const struct cluster here = {.gpu = false};
    struct config c = s->run.config;
    struct plan_work work;
    struct plan_run run;
    c.train.global_batch = pairs * comm_world_size(s->run.comm);
    if (pairs == 0 || !run_plan_of(&c, comm_world_size(s->run.comm), MODEL_FP32, &work, &run))
        return 0;
    return plan_memory_of(&work, &run, &here).total;
}

/* COLLECTIVE. Checks the growth of the ranks of a node against its free memory. A GPU needs no
 * check: an allocation that fails there does no harm. */
static enum status fits_hosts(struct search *f, bool *fits_out, struct errmsg *em)
{
    const struct session *s = f->s;
    const struct batch_trials *t = &f->trials;
    struct host_memory m = host_memory_read("");
    int64_t next = batch_trials_next(t);
    double growth =
        batch_trials_growth(t, planned_bytes(s, next) - planned_bytes(s, t->n > 0 ? next / 2 : 0));
    double more = growth + (t->n > 0 ? m.peak - m.resident : 0);
    double spare = f->gpu ? 0 : fmin(m.left - more * comm_local_size(s->run.comm), DBL_MAX);
    double least, most;
    enum status st = comm_agree_range(s->run.comm, spare, &least, &most, em);
    *fits_out = least >= 0;
    if (st == ST_OK && least < 0 && comm_rank(s->run.comm) == 0)
        log_info("%" PRId64 " pairs a rank may take %.2f GB more on each rank, %.2f GB more than a "
                 "host has left",
                 next, more / GB, -least / GB);
    return st;
}

/* ---- A trial --------------------------------------------------------------------------------- */

/* Runs n steps and measures their time on rank 0. */
static enum status take_steps(struct session *s, int64_t n, double *seconds, struct errmsg *em)
{
    struct step_report step = {0};
    double start = clock_seconds();
    for (int64_t i = 0; i < n; i++) {
        watchdog_enter(s->run.watchdog, WATCH_STEP, s->state.step + 1);
        enum status st = step_run(s, signals_pending() ? STEP_FLAG_STOP : 0, &step, em);
        if (st != ST_OK)
            return st;
        if (step.flags & STEP_FLAG_STOP)
            return FAIL(em, ST_INTERRUPTED, "stopped before a batch was found; nothing is kept");
    }
    *seconds = clock_seconds() - start;
    return run_share_bytes(&s->run, seconds, sizeof *seconds, em);
}

static enum status measure(struct search *f, struct batch_trial *out, struct errmsg *em)
{
    struct session *s = f->s;
    double seconds, least;
    f->gpu = strncmp(model_get_options(s->stage.model)->device, "cuda", 4) == 0;
    enum status st = take_steps(s, f->gpu ? WARM_UP_GPU : WARM_UP_CPU, &seconds, em);
    if (st == ST_OK)
        st = take_steps(s, 1, &seconds, em);
    if (st != ST_OK)
        return st;
    int64_t n = (int64_t)MAX(MIN(TRIAL_S / seconds, STEPS_MAX), STEPS_MIN);
    st = take_steps(s, n, &seconds, em);
    double peak = f->gpu ? (double)model_gpu_peak_bytes(s->stage.model) : host_memory_read("").peak;
    if (st == ST_OK)
        st = comm_agree_range(s->run.comm, peak, &least, &out->peak, em);
    out->step_s = seconds / (double)n;
    out->images_per_s = 2 * (double)s->run.config.train.global_batch / out->step_s;
    return st;
}

/* One trial, in a stage of its own, from the start of the run. */
static enum status try_pairs(struct search *f, struct batch_trial *trial, struct errmsg *em)
{
    struct session *s = f->s;
    const struct train_state begun = s->state;
    s->run.config.train.global_batch = trial->pairs * comm_world_size(s->run.comm);
    enum status st = stage_open(&s->stage, &s->state, em);
    if (st == ST_OK)
        st = stage_open_sums(&s->stage, &s->state, em);
    if (st == ST_OK)
        st = resume_start(s, NULL, em);
    if (st == ST_OK)
        st = measure(f, trial, em);
    stage_close(&s->stage);
    s->state = begun;
    return st;
}

/* ---- The search ------------------------------------------------------------------------------ */

/* A rank's share of the training pictures. */
static int64_t pairs_most(const struct run *run)
{
    int64_t fewer = MIN(order_train_count(run->orders[0]), order_train_count(run->orders[1]));
    return fewer / comm_world_size(run->comm);
}

static void set_end(struct search *f, const char *code, const char *why)
{
    f->code = code;
    f->end = why;
}

/* If a rank lacks memory, the trial fails on all ranks; earlier trials stay valid. */
static enum status try_next(struct search *f, struct errmsg *em)
{
    struct batch_trials *t = &f->trials;
    struct batch_trial trial = {.pairs = batch_trials_next(t)};
    bool is_first = comm_rank(f->s->run.comm) == 0;
    enum status st = try_pairs(f, &trial, em);
    if (st == ST_OK) {
        t->list[t->n++] = trial;
        if (is_first)
            log_info("%" PRId64 " + %" PRId64 " pictures a rank: %.1f images/s, %.2f GB",
                     trial.pairs, trial.pairs, trial.images_per_s, trial.peak / GB);
    } else if (st == ST_MEMORY && t->n > 0) {
        if (is_first)
            log_info("%" PRId64 " + %" PRId64 " pictures a rank: %s", trial.pairs, trial.pairs,
                     em->text);
        *em = (struct errmsg){0};
        set_end(f, "out of memory", "there was no memory for twice the batch");
        st = ST_OK;
    }
    return st;
}

/* Runs one more trial, or sets the reason to end the search. */
static enum status next_trial(struct search *f, struct errmsg *em)
{
    const struct batch_trials *t = &f->trials;
    bool fits = false;
    enum batch_end no_more = batch_trials_end(t, pairs_most(&f->s->run));
    if (no_more == BATCH_PICTURES)
        set_end(f, "pictures", "the sets have fewer training pictures than twice the batch");
    if (no_more == BATCH_SPEED)
        set_end(f, "speed", "two doublings have made it no faster");
    if (no_more != BATCH_GOES_ON)
        return ST_OK;
    enum status st = fits_hosts(f, &fits, em);
    if (st == ST_OK && !fits && t->n == 0)
        st = FAIL(em, ST_MEMORY, "not even one pair a rank fits into the memory that is left");
    if (st == ST_OK && !fits)
        set_end(f, "host memory", "the host's memory would not do for twice the batch");
    if (st == ST_OK && fits)
        st = try_next(f, em);
    return st;
}

/* ---- The result ------------------------------------------------------------------------------ */

static void print(const struct search *f, int64_t configured, int64_t suggestion)
{
    const struct batch_trials *t = &f->trials;
    int ranks = comm_world_size(f->s->run.comm);
    printf("%12s  %18s  %9s  %9s  %13s\n", "pairs a rank", "train.global_batch", "images/s", "step",
           "memory a rank");
    for (size_t i = 0; i < t->n; i++)
        printf("%12" PRId64 "  %18" PRId64 "  %9.1f  %6.1f ms  %10.2f GB\n", t->list[i].pairs,
               t->list[i].pairs * ranks, t->list[i].images_per_s, t->list[i].step_s * 1e3,
               t->list[i].peak / GB);
    printf("\nended: %s\n", f->end);
    printf("suggested, the smallest within 5 %% of the fastest: train.global_batch = %" PRId64
           " on %d rank%s with train.accumulate = 1 (configured: %" PRId64 ")\n",
           suggestion, ranks, PLURAL(ranks), configured);
}

static enum status print_json(const struct search *f, int64_t configured, int64_t suggestion,
                              struct errmsg *em)
{
    json_t *list = json_array();
    int ranks = comm_world_size(f->s->run.comm);
    for (size_t i = 0; i < f->trials.n; i++) {
        const struct batch_trial *t = &f->trials.list[i];
        json_array_append_new(list,
                              json_pack("{s:I, s:I, s:f, s:f, s:f}", "pairs", (json_int_t)t->pairs,
                                        "global_batch", (json_int_t)t->pairs * ranks,
                                        "images_per_s", t->images_per_s, "step_ms", t->step_s * 1e3,
                                        "peak_bytes", t->peak));
    }
    json_t *o =
        json_pack("{s:I, s:I, s:i, s:s, s:o}", "suggestion", (json_int_t)suggestion, "configured",
                  (json_int_t)configured, "ranks", ranks, "ended", f->code, "trials", list);
    return json_print(stdout, o, JSON_INDENT(2) | JSON_REAL_PRECISION(9), em);
}

static enum status show(const struct search *f, int64_t configured, bool json, struct errmsg *em)
{
    const struct batch_trials *t = &f->trials;
    int64_t suggestion = t->list[batch_trials_best(t)].pairs * comm_world_size(f->s->run.comm);
    enum status st = ST_OK;
    if (json)
        st = print_json(f, configured, suggestion, em);
    else
        print(f, configured, suggestion);
    return st;
}

enum status find_batch(struct session *s, bool json, struct errmsg *em)
{
    struct search f = {.s = s};
    int64_t configured = s->run.config.train.global_batch;
    enum status st = ST_OK;
    s->run.fixed_lr = LR;
    s->run.config.train.accumulate = 1;
    while (st == ST_OK && !f.end)
        st = next_trial(&f, em);
    watchdog_enter(s->run.watchdog, WATCH_END, s->state.step);
    if (st == ST_OK)
        st = comm_agree(s->run.comm,
                        comm_rank(s->run.comm) == 0 ? show(&f, configured, json, em) : ST_OK, em);
    return st;
}
