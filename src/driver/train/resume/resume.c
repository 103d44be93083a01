#include "resume.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/checkpoint.h"
#include "run_folder.h"
#include "run_meta.h"
#include "stage_open.h"

#include "base/poison.h"

/* Takes the state from the checkpoint. Forgets values that a changed configuration makes
 * incomparable. */
static void take_state(struct session *s, const struct run_meta *meta,
                       const struct resume_changes *changed)
{
    struct train_state *t = &s->state;
    *t = meta->state;
    if (changed->losses || changed->best) {
        t->best_value = t->best_seen = NAN;
        t->best_step = 0;
    }
    if (isnan(t->best_seen)) /* validations without a measure do not count */
        t->stale = 0;
    t->discriminator_steps =
        s->run.config.loss.adversarial > 0 ? MAX(t->discriminator_steps, 0) : 0;
    if (changed->losses) {
        guard_forget_losses(&t->guard);
        collapse_forget_losses(&t->collapse);
    }
    if (s->run.config.guard.spike == 0) /* no check would notice a recovery */
        collapse_forget(&t->collapse);
    bool same_ranks =
        s->run.config.train.reproducible || meta->world_size == comm_world_size(s->run.comm);
    if (meta->world_size > 0 && !(same_ranks && meta->threads == s->run.threads.n))
        log_info("saved on %d rank%s x %d thread%s, resumed on %d x %d: results may differ in the "
                 "last bits",
                 meta->world_size, PLURAL(meta->world_size), meta->threads, PLURAL(meta->threads),
                 comm_world_size(s->run.comm), s->run.threads.n);
}

/* ---- Finding --------------------------------------------------------------------------------- */

static enum status check_state(const char *path, const struct train_state *t, struct errmsg *em)
{
    if (t->stage < 0 || t->stage_step < 0 || t->stage_step > t->step ||
        t->stage_position > t->position)
        return FAIL(em, ST_DATA, "%s: its step and the start of its stage contradict each other",
                    path);
    return ST_OK;
}

/* Checks an open checkpoint; if it fits, enters its stage and takes its state. Never falls back to
 * an earlier stage because train.stages changed. */
static enum status try_checkpoint(struct session *s, const char *path, const struct checkpoint *c,
                                  struct resume_changes *changed, bool *final, struct errmsg *em)
{
    struct run_meta meta;
    *changed = (struct resume_changes){0};
    run_meta_of(c, &meta);
    enum status st = check_state(path, &meta.state, em);
    if (st == ST_OK) {
        config_enter_stage(&s->run.config,
                           MIN(meta.state.stage, config_stage_count(&s->run.config) - 1));
        st = resume_check(&s->run, path, checkpoint_get_facts(c)->config, &meta, changed, em);
    }
    *final = changed->stages;
    struct model_options options = stage_model_options(&s->run.config, "cpu");
    if (st == ST_OK)
        st = checkpoint_check(c, &options, true, false, em);
    if (st == ST_OK)
        take_state(s, &meta, changed);
    return st;
}

/* step -1: any. */
static enum status open_checkpoint(struct session *s, const char *path, int64_t step,
                                   struct resume *r, bool *final, struct errmsg *em)
{
    struct checkpoint *c = NULL;
    enum status st = checkpoint_open(path, &c, em);
    if (st == ST_OK && step >= 0 && checkpoint_get_facts(c)->step != step)
        st = FAIL(em, ST_DATA, "%s holds the state of step %lld, not of the one it is named after",
                  path, (long long)checkpoint_get_facts(c)->step);
    if (st == ST_OK)
        st = try_checkpoint(s, path, c, &r->changes, final, em);
    if (st != ST_OK) {
        checkpoint_free(c);
        return st;
    }
    r->checkpoint = c;
    return ST_OK;
}

struct search {
    struct session *session;
    struct resume *found;
};

static enum status accept(void *search, const char *path, int64_t step, bool *final,
                          struct errmsg *em)
{
    const struct search *a = search;
    return open_checkpoint(a->session, path, step, a->found, final, em);
}

static enum status find(struct session *s, const char *from, struct resume *r, struct errmsg *em)
{
    struct search search = {s, r};
    bool final;
    if (strcmp(from, "none") == 0)
        return ST_OK;
    if (strcmp(from, "auto") == 0) {
        enum status st = run_folder_find_resume(s->run.out, accept, &search, r->path, em);
        r->in_folder = st == ST_OK && r->path[0];
        r->step = s->state.step;
        r->best_step = s->state.best_step;
        return st;
    }
    if (!path_join(r->path, sizeof r->path, "", from))
        return FAIL(em, ST_USAGE, "--resume: path too long");
    enum status st = run_folder_verify(r->path, em);
    return st == ST_OK ? open_checkpoint(s, r->path, -1, r, &final, em) : st;
}

enum status resume_find(struct session *s, const char *from, struct resume *out, struct errmsg *em)
{
    struct resume r = {0};
    double start_s = clock_seconds();
    enum status st = comm_rank(s->run.comm) == 0 ? find(s, from, &r, em) : ST_OK;
    r.took_s = clock_seconds() - start_s;
    st = comm_agree(s->run.comm, st, em);
    if (st == ST_OK)
        st = run_share_bytes(&s->run, &s->state, sizeof s->state, em);
    if (st != ST_OK) {
        resume_release(&r);
        return st;
    }
    session_enter_stage(s);
    *out = r;
    return ST_OK;
}

void resume_settle(const struct session *s, const struct resume *r)
{
    if (!r->in_folder)
        return;
    run_folder_set_aside(s->run.out, r->step);
    run_folder_relink(s->run.out, r->step, r->best_step);
}

/* ---- Filling the model ----------------------------------------------------------------------- */

enum status resume_load(struct session *s, struct resume *r, struct errmsg *em)
{
    enum status st = ST_OK;
    double start_s = clock_seconds();
    if (comm_rank(s->run.comm) == 0) {
        st = checkpoint_restore(r->checkpoint, s->stage.model, true, false, em);
        r->took_s += clock_seconds() - start_s;
        if (st == ST_OK)
            log_info("resumed from %s: step %lld, epoch %lld; checked and read in %.2f s", r->path,
                     (long long)s->state.step, (long long)session_epoch(s) + 1, r->took_s);
    }
    resume_release(r);
    st = comm_agree(s->run.comm, st, em);
    return st == ST_OK ? stage_share_state(&s->stage, &s->state, em) : st;
}

void resume_release(struct resume *r)
{
    checkpoint_free(r->checkpoint);
    r->checkpoint = NULL;
}

/* Logs which parts of the network begin untrained. */
static void log_added(const char *path, const struct model_config *from,
                      const struct model_config *to)
{
    const struct {
        const char *key;
        bool added;
    } parts[] = {
        {"mask",       to->mask && !from->mask            },
        {"mean_codes", to->mean_codes && !from->mean_codes},
        {"pose",       to->pose && !from->pose            },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
        if (parts[i].added)
            log_info("%s has no model.%s: these parameters begin untrained", path, parts[i].key);
}

static enum status start_with(struct session *s, const char *path, struct errmsg *em)
{
    struct checkpoint *c = NULL;
    enum status st = run_folder_verify(path, em);
    if (st == ST_OK)
        st = checkpoint_open(path, &c, em);
    if (st == ST_OK)
        st = checkpoint_start(c, s->stage.model, em);
    if (st == ST_OK) {
        const struct model_config from = checkpoint_get_config(c), *to = &s->run.config.model;
        if (from.image_size < to->image_size)
            log_info("%s: grown from %d px to %d px", path, from.image_size, to->image_size);
        log_added(path, &from, to);
        log_info("parameters taken from %s", path);
    }
    checkpoint_free(c);
    return st;
}

enum status resume_start(struct session *s, const char *path, struct errmsg *em)
{
    enum status st = comm_rank(s->run.comm) == 0 && path ? start_with(s, path, em) : ST_OK;
    st = comm_agree(s->run.comm, st, em);
    return st == ST_OK ? stage_share_state(&s->stage, &s->state, em) : st;
}
