#include "save.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/checkpoint.h"
#include "run_folder.h"
#include "run_meta.h"
#include "validate.h"
#include "worker.h"

#include "base/poison.h"

static const double WAIT_MAX_S = 60, WAIT_WARNED_S = 1, RETRY_S = 60, FINISH_TOLD_S = 30;

/* One checkpoint being written. The thread owns it from worker_start until it is idle. */
struct write_job {
    const struct checkpoint_snapshot *snapshot;
    struct checkpoint_facts facts;
    struct checkpoint_number numbers[VAL_NUMBERS]; /* facts.val_metrics */
    char out[PATH_BYTES_MAX];
    bool best;
    double best_value; /* of this state, if it is the best */
    int keep;
    double copy_s, stopped_s;
    struct watchdog *watchdog;
    /* results of the thread */
    enum status status;
    struct errmsg em;
    double write_s, processor_s;
};

struct saver {
    struct session *session;
    struct checkpoint_snapshot *snapshot;
    struct worker *worker;
    struct write_job job;
    struct train_state copied; /* the state in the snapshot */
    bool writing;              /* the outcome has not been logged yet */
    bool unsaved;              /* the latest attempt failed */
    struct saver_outcome outcome;
    bool outcome_known; /* saver_take_outcome will return true */
    bool slow_warned;   /* warned that training waited for the disk */
    double best_kept;   /* best_value of best.pt; NaN: none */
    int64_t best_kept_step;
    double copied_at_s; /* when the state was last copied, or training began */
    double retry_at_s;  /* after a failure: not before this time */
    double slowest_s;
};

enum status saver_open(struct session *s, struct saver **out, struct errmsg *em)
{
    struct saver *v = NULL;
    enum status st = ST_OK;
    if (comm_rank(s->run.comm) == 0) {
        v = calloc(1, sizeof *v);
        st = v ? checkpoint_snapshot_new(s->stage.model, &v->snapshot, em)
               : FAIL(em, ST_MEMORY, "out of memory");
        if (st == ST_OK)
            st = checkpoint_snapshot_take(v->snapshot, em);
        if (st == ST_OK)
            st = worker_new(&v->worker, em);
        if (st == ST_OK) {
            v->session = s;
            v->copied = s->state;
            v->best_kept = s->state.best_value;
            v->best_kept_step = s->state.best_step;
            v->copied_at_s = clock_seconds();
        }
    }
    st = comm_agree(s->run.comm, st, em);
    if (st != ST_OK) {
        saver_close(v);
        return st;
    }
    *out = v;
    return ST_OK;
}

static void job_release(struct write_job *job)
{
    free(job->facts.config);
    free(job->facts.meta);
    *job = (struct write_job){0};
}

void saver_close(struct saver *v)
{
    if (!v)
        return;
    (void)saver_finish(v);
    worker_free(v->worker);
    checkpoint_snapshot_free(v->snapshot);
    free(v);
}

/* The rows counted by metrics_bytes must be on disk before the checkpoint. */
static void sync_metrics(const char *out)
{
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    if (path_join(path, sizeof path, out, "metrics.jsonl") && file_sync(path, &em) != ST_OK)
        log_warn("%s", em.text);
}

/* Runs in the thread. */
static void write_in_background(void *argument)
{
    struct write_job *job = argument;
    char temporary[PATH_BYTES_MAX];
    struct hash128 hash;
    double start = clock_seconds(), processor = clock_thread_seconds();
    sync_metrics(job->out);
    enum status st = run_folder_temporary(job->out, job->facts.step, temporary, &job->em);
    if (st == ST_OK) {
        st = checkpoint_snapshot_write(job->snapshot, &job->facts, temporary, &hash, &job->em);
        if (st == ST_OK)
            st = run_folder_commit_checkpoint(job->out, temporary, hash, job->facts.step, job->best,
                                              job->keep, &job->em);
        if (st != ST_OK)
            unlink(temporary);
    }
    if (st == ST_OK)
        watchdog_record_saved(job->watchdog);
    job->write_s = clock_seconds() - start;
    job->processor_s = clock_thread_seconds() - processor;
    job->status = st;
}

static void record_failure(struct saver *v, const char *why)
{
    v->unsaved = true;
    v->retry_at_s = clock_seconds() + RETRY_S;
    /* the next state as good can then become best.pt */
    v->session->state.best_value = v->best_kept;
    v->session->state.best_step = v->best_kept_step;
    log_error("CHECKPOINT NOT SAVED: %s; training continues, earlier checkpoints are not affected, "
              "another attempt follows in %.0f s",
              why, RETRY_S);
}

/* The worker is idle: logs the result of the job. */
static void collect(struct saver *v)
{
    struct write_job *job = &v->job;
    if (!v->writing)
        return;
    v->writing = false;
    v->outcome = (struct saver_outcome){job->facts.step, job->best, job->status != ST_OK};
    v->outcome_known = true;
    if (job->status == ST_OK) {
        v->unsaved = false;
        if (job->best) {
            v->best_kept = job->best_value;
            v->best_kept_step = job->facts.step;
        }
        v->slowest_s = fmax(v->slowest_s, job->copy_s + job->write_s);
        log_info("checkpoint of step %" PRId64 " saved%s: written in %.2f s (%.2f s CPU); "
                 "training paused for %.1f ms",
                 job->facts.step, job->best ? ", the best yet" : "", job->write_s, job->processor_s,
                 job->stopped_s * 1e3);
    } else {
        record_failure(v, job->em.text);
    }
    job_release(job);
}

void saver_poll(struct saver *v)
{
    if (v && v->writing && worker_wait(v->worker, 0))
        collect(v);
}

/* False if the previous checkpoint is still being written after a minute. */
static bool wait_for_disk(struct saver *v)
{
    double start = clock_seconds();
    bool idle = worker_wait(v->worker, WAIT_MAX_S);
    double waited = clock_seconds() - start;
    if (idle) {
        collect(v);
        if (waited > WAIT_WARNED_S && !v->slow_warned)
            log_warn("training waited %.1f s for the previous checkpoint: checkpoints are due "
                     "faster than %s can store them; raise checkpoint.every_steps",
                     waited, v->session->run.out);
        v->slow_warned = v->slow_warned || waited > WAIT_WARNED_S;
    }
    return idle;
}

/* The checkpoint's "meta": JSON text. */
static char *meta_text(const struct session *s)
{
    struct run_meta meta = {
        .state = s->state,
        .world_size = comm_world_size(s->run.comm),
        .threads = s->run.threads.n,
    };
    for (int p = 0; p < 2; p++) {
        const struct set_info *set = set_get_info(s->run.sets[p]);
        memcpy(meta.fingerprints[p], set->fingerprint_text, sizeof meta.fingerprints[p]);
        snprintf(meta.held_out[p], sizeof meta.held_out[p], "%016" PRIx64,
                 order_held_out_hash(s->run.orders[p]));
        meta.people[p] = set->person;
        meta.consent[p] = set->consent;
        meta.identities[p] = &s->run.measures.identities[p];
        meta.pupils[p] = s->run.measures.pupils[p];
    }
    return run_meta_text(&meta, s->run.config.train.stages.n > 0);
}

static enum status prepare(struct saver *v, bool best, struct errmsg *em)
{
    struct session *s = v->session;
    v->job = (struct write_job){
        .snapshot = v->snapshot,
        .facts = {.epoch = session_epoch(s),
                  .stage_step = s->state.stage_step,
                  .lr = session_lr(s, s->state.step),
                  .config = config_to_toml(&s->run.config),
                  .meta = meta_text(s)},
        .best = best,
        .best_value = s->state.best_value,
        .keep = (int)s->run.config.checkpoint.keep,
        .watchdog = s->run.watchdog,
    };
    run_meta_put_facts(&s->state, v->job.numbers, &v->job.facts);
    memcpy(v->job.out, s->run.out, sizeof v->job.out);
    if (!v->job.facts.config || !v->job.facts.meta)
        return FAIL(em, ST_MEMORY, "out of memory");
    double start = clock_seconds();
    enum status st = checkpoint_snapshot_take(v->snapshot, em);
    v->job.copy_s = clock_seconds() - start;
    v->copied = s->state;
    return st;
}

/* True if the state becomes best.pt. The first validated state of a stage always does. A collapsed
 * one does only if there is no best.pt, not even of an earlier stage. */
static bool is_best(const struct saver *v, bool validated)
{
    const struct session *s = v->session;
    bool none_yet = v->best_kept_step == 0;
    if (!validated || (s->state.collapse.in_a_row > 0 && run_folder_has_best(s->run.out)))
        return false;
    return none_yet || validate_is_better(s, v->best_kept);
}

void saver_save(struct saver *v, double since_s, bool validated)
{
    struct errmsg em = {0};
    if (!v)
        return;
    v->copied_at_s = clock_seconds();
    if (!wait_for_disk(v)) {
        record_failure(v, "the previous one is still being written; the disk is slow or stuck");
        return;
    }
    bool best = is_best(v, validated);
    if (best) {
        v->session->state.best_value = validate_value(v->session);
        v->session->state.best_step = v->session->state.step;
    }
    if (prepare(v, best, &em) != ST_OK) {
        record_failure(v, em.text);
        job_release(&v->job);
        return;
    }
    v->writing = true;
    v->job.stopped_s = clock_seconds() - since_s;
    worker_start(v->worker, write_in_background, &v->job);
}

enum status saver_go_back(struct saver *v, struct errmsg *em)
{
    enum status st = checkpoint_snapshot_restore(v->snapshot, v->session->stage.model, em);
    if (st == ST_OK)
        v->session->state = v->copied;
    return st;
}

enum status saver_keep(struct saver *v, struct errmsg *em)
{
    if (!v)
        return ST_OK;
    (void)saver_finish(v);
    v->copied = v->session->state;
    v->best_kept = v->copied.best_value;
    v->best_kept_step = v->copied.best_step;
    return checkpoint_snapshot_take(v->snapshot, em);
}

bool saver_due(struct saver *v)
{
    if (!v || !worker_wait(v->worker, 0))
        return false;
    double now = clock_seconds(), every_s = v->session->run.config.checkpoint.every_minutes * 60;
    return (every_s > 0 && now - v->copied_at_s >= every_s) || (v->unsaved && now >= v->retry_at_s);
}

bool saver_finish(struct saver *v)
{
    if (!v)
        return true;
    while (v->writing && !worker_wait(v->worker, FINISH_TOLD_S))
        log_warn("still writing the checkpoint of step %" PRId64 " to %s", v->job.facts.step,
                 v->job.out);
    collect(v);
    return !v->unsaved;
}

bool saver_take_outcome(struct saver *v, struct saver_outcome *out)
{
    if (!v || !v->outcome_known)
        return false;
    *out = v->outcome;
    v->outcome_known = false;
    return true;
}

double saver_seconds(const struct saver *v)
{
    return v ? v->slowest_s : 0;
}
