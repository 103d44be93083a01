#include "save.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "model/checkpoint.h"
#include "run_folder.h"
#include "schedule.h"

/* NaN has no JSON: null stands for "not yet". */
static json_t *number_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static char *meta_text(const struct session *s)
{
    char fingerprint[2][20];
    for (int p = 0; p < 2; p++)
        snprintf(fingerprint[p], sizeof fingerprint[p], "%016" PRIx64,
                 set_get_info(s->sets[p])->fingerprint);
    json_t *meta =
        json_pack("{s:o, s:f, s:I, s:i, s:i, s:[s,s], s:[s,s], s:[s,s]}", "best_val_loss",
                  number_or_null(s->state.best_val_loss), "wall_s", s->state.wall_s,
                  "metrics_bytes", (json_int_t)s->state.metrics_bytes, "world_size",
                  comm_world_size(s->comm), "threads", s->threads, "fingerprints", fingerprint[0],
                  fingerprint[1], "people", set_get_info(s->sets[0])->person,
                  set_get_info(s->sets[1])->person, "consent", set_get_info(s->sets[0])->consent,
                  set_get_info(s->sets[1])->consent);
    char *text = meta ? json_dumps(meta, JSON_COMPACT) : NULL;
    json_decref(meta);
    return text;
}

enum status save_checkpoint(struct session *s, bool best, struct errmsg *em)
{
    char temporary[PATH_BYTES_MAX];
    struct checkpoint_facts facts = {
        .epoch = session_epoch(s),
        .step = s->state.step,
        .position = s->state.position,
        .loss = s->state.train_loss,
        .val_loss = s->state.val_loss,
        .lr = schedule_lr(&s->config, s->state.step, s->steps_total),
        .config = config_to_toml(&s->config),
        .meta = meta_text(s),
    };
    enum status st = facts.config && facts.meta ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = run_folder_temporary(s->out, s->state.step, temporary, em);
    if (st == ST_OK) {
        st = checkpoint_write(s->model, &facts, temporary, em);
        if (st == ST_OK)
            st = run_folder_commit_checkpoint(s->out, temporary, s->state.step, best,
                                              (int)s->config.checkpoint.keep, em);
        if (st != ST_OK)
            unlink(temporary);
    }
    free(facts.config);
    free(facts.meta);
    return st;
}

/* Reads state that no other field of the checkpoint carries, and tells what changed since. */
static void take_meta(struct session *s, const struct checkpoint_facts *facts)
{
    json_t *meta = json_loads(facts->meta ? facts->meta : "{}", 0, NULL);
    s->state.best_val_loss = number_of(meta, "best_val_loss");
    double wall_s = number_of(meta, "wall_s"), bytes = number_of(meta, "metrics_bytes");
    s->state.wall_s = isfinite(wall_s) ? wall_s : 0;
    s->state.metrics_bytes = isfinite(bytes) ? (int64_t)bytes : 0;
    double threads = number_of(meta, "threads"), ranks = number_of(meta, "world_size");
    if (isfinite(threads) && isfinite(ranks) &&
        ((int)threads != s->threads || (int)ranks != comm_world_size(s->comm)))
        log_info("resumed on %d ranks of %d threads, saved on %d of %d: not bit-exact",
                 comm_world_size(s->comm), s->threads, (int)ranks, (int)threads);
    json_decref(meta);
}

static void tell_config_changes(const struct session *s, const struct checkpoint_facts *facts)
{
    struct errmsg ignored = {0};
    struct config *old = calloc(1, sizeof *old);
    if (!old || !facts->config)
        goto out;
    config_init(old);
    if (config_merge_text(old, facts->config, "checkpoint", &ignored) != ST_OK)
        goto out;
    char *difference = config_difference(old, &s->config);
    if (difference)
        log_info("configuration changed since the checkpoint:\n%s", difference);
    free(difference);
out:
    free(old);
}

/* Rank 0's part of resuming: read and check the file, fill model and state. */
static enum status load(struct session *s, const char *path, bool continue_run, struct errmsg *em)
{
    struct checkpoint *c = NULL;
    enum status st = checkpoint_open(path, &c, em);
    if (st == ST_OK)
        st = checkpoint_restore(c, s->model, continue_run, !continue_run, em);
    if (st == ST_OK && continue_run) {
        const struct checkpoint_facts *facts = checkpoint_get_facts(c);
        s->state.step = facts->step;
        s->state.position = facts->position;
        s->state.train_loss = facts->loss;
        s->state.val_loss = facts->val_loss;
        take_meta(s, facts);
        tell_config_changes(s, facts);
    }
    checkpoint_free(c);
    return st;
}

/* Sends rank 0's parameters (and moments) and state to all. */
static enum status share(struct session *s, struct errmsg *em)
{
    const struct model_flat *flat = model_flat(s->model);
    void *const parts[] = {flat->parameters, flat->exp_avg, flat->exp_avg_sq};
    enum status st = session_share_bytes(s->comm, &s->state, sizeof s->state, em);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && st == ST_OK; i++) {
        struct comm_ticket ticket = {0};
        st = comm_broadcast_begin(s->comm, parts[i], flat->count, COMM_F32, 0, flat->stream,
                                  &ticket, em);
        if (st == ST_OK)
            st = comm_wait(s->comm, &ticket, COMM_NO_DEADLINE, em);
    }
    return st;
}

static enum status find(struct session *s, const char *resume, char path[static PATH_BYTES_MAX],
                        struct errmsg *em)
{
    path[0] = '\0';
    if (strcmp(resume, "none") == 0)
        return ST_OK;
    if (strcmp(resume, "auto") == 0)
        return run_folder_find_resume(s->out, path, em);
    if (!path_join(path, PATH_BYTES_MAX, "", resume))
        return FAIL(em, ST_USAGE, "--resume: path too long");
    return run_folder_verify(path, em);
}

enum status save_resume(struct session *s, const char *resume, struct errmsg *em)
{
    char path[PATH_BYTES_MAX] = "";
    enum status st = ST_OK;
    if (comm_rank(s->comm) == 0) {
        st = find(s, resume, path, em);
        if (st == ST_OK && path[0])
            st = load(s, path, true, em);
        if (st == ST_OK && path[0])
            log_info("resumed from %s: step %lld, epoch %lld", path, (long long)s->state.step,
                     (long long)session_epoch(s) + 1);
    }
    st = comm_agree(s->comm, st, em);
    return st == ST_OK ? share(s, em) : st;
}

enum status save_init_from(struct session *s, const char *path, struct errmsg *em)
{
    enum status st = ST_OK;
    if (comm_rank(s->comm) == 0) {
        st = load(s, path, false, em);
        if (st == ST_OK)
            log_info("parameters taken from %s", path);
    }
    st = comm_agree(s->comm, st, em);
    return st == ST_OK ? share(s, em) : st;
}
