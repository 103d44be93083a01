#include "resume.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/adversary.h"
#include "model/checkpoint.h"
#include "resume_check.h"
#include "run_folder.h"
#include "run_meta.h"
#include "zero.h"

#include "base/poison.h"

/* The state as the checkpoint tells it; values of another kind are not compared with. */
static void take_state(struct session *s, const struct checkpoint *c, const struct run_meta *meta,
                       const struct resume_changes *changed)
{
    const struct checkpoint_facts *facts = checkpoint_get_facts(c);
    bool other_best = changed->losses || changed->best;
    s->state = (struct train_state){
        .step = facts->step,
        .position = facts->position,
        .train_loss = facts->loss,
        .val_loss = facts->val_loss,
        .best_value = other_best ? NAN : meta->best_value,
        .best_step = other_best ? 0 : meta->best_step,
        .best_seen = other_best ? NAN : meta->best_seen,
        .stale = other_best ? 0 : meta->stale,
        .wall_s = meta->wall_s,
        .save_s = meta->save_s,
        .stretch_s = meta->stretch_s,
        .metrics_bytes = meta->metrics_bytes,
        .adversary_step = model_has_adversary(s->model) ? MAX(facts->adversary_step, 0) : 0,
        .guard = meta->guard,
    };
    for (int i = 0; i < VAL_NUMBERS; i++)
        s->state.val_metrics.number[i] = checkpoint_get_val_metric(c, val_metrics_key(i));
    if (changed->losses)
        guard_forget_losses(&s->state.guard);
    bool same_ranks = s->config.train.reproducible || meta->world_size == comm_world_size(s->comm);
    if (meta->world_size > 0 && !(same_ranks && meta->threads == s->threads))
        log_info("resumed on %d ranks of %d threads, saved on %d of %d: not bit-exact",
                 comm_world_size(s->comm), s->threads, meta->world_size, meta->threads);
}

static enum status continue_from(struct session *s, const char *path, const struct checkpoint *c,
                                 struct errmsg *em)
{
    const struct checkpoint_facts *facts = checkpoint_get_facts(c);
    struct run_meta meta;
    struct resume_changes changed;
    run_meta_read(facts->meta, &meta);
    enum status st = resume_check(s, path, facts->config, &meta, &changed, em);
    if (st == ST_OK)
        st = checkpoint_restore(c, s->model, true, false, em);
    if (st == ST_OK)
        take_state(s, c, &meta, &changed);
    return st;
}

static enum status start_with(struct session *s, const char *path, const struct checkpoint *c,
                              struct errmsg *em)
{
    int before = checkpoint_get_config(c).image_size, now = (int)s->config.model.image_size;
    enum status st = checkpoint_start(c, s->model, em);
    if (st == ST_OK && before < now)
        log_info("%s: grown from %d px to %d px", path, before, now);
    return st;
}

/* Rank 0's part of resuming: read and check the file, fill model and state. step -1: any. */
static enum status load(struct session *s, const char *path, int64_t step, bool continue_run,
                        struct errmsg *em)
{
    struct checkpoint *c = NULL;
    enum status st = checkpoint_open(path, &c, em);
    if (st == ST_OK && step >= 0 && checkpoint_get_facts(c)->step != step)
        st = FAIL(em, ST_DATA, "%s holds the state of step %lld, not of the one it is named after",
                  path, (long long)checkpoint_get_facts(c)->step);
    if (st == ST_OK)
        st = continue_run ? continue_from(s, path, c, em) : start_with(s, path, c, em);
    checkpoint_free(c);
    return st;
}

/* Loading is the proof that a checkpoint fits: nothing is changed where it does not. */
static enum status accept(void *session, const char *path, int64_t step, struct errmsg *em)
{
    return load(session, path, step, true, em);
}

static enum status find_and_load(struct session *s, const char *from,
                                 char path[static PATH_BYTES_MAX], struct errmsg *em)
{
    path[0] = '\0';
    if (strcmp(from, "none") == 0)
        return ST_OK;
    if (strcmp(from, "auto") == 0) {
        enum status st = run_folder_find_resume(s->out, accept, s, path, em);
        if (st == ST_OK && path[0])
            run_folder_relink(s->out, s->state.step, s->state.best_step);
        return st;
    }
    if (!path_join(path, PATH_BYTES_MAX, "", from))
        return FAIL(em, ST_USAGE, "--resume: path too long");
    enum status st = run_folder_verify(path, em);
    return st == ST_OK ? load(s, path, -1, true, em) : st;
}

enum status resume_run(struct session *s, const char *from, struct errmsg *em)
{
    char path[PATH_BYTES_MAX] = "";
    double start = clock_seconds();
    enum status st = ST_OK;
    if (comm_rank(s->comm) == 0) {
        st = find_and_load(s, from, path, em);
        if (st == ST_OK && path[0])
            log_info("resumed from %s: step %lld, epoch %lld; checked and read in %.2f s", path,
                     (long long)s->state.step, (long long)session_epoch(s) + 1,
                     clock_seconds() - start);
    }
    st = comm_agree(s->comm, st, em);
    if (st == ST_OK)
        st = session_share_state(s, em);
    if (st == ST_OK)
        session_plan_rest(s);
    return st;
}

enum status resume_init_from(struct session *s, const char *path, struct errmsg *em)
{
    enum status st = zero_prepare_load(s, em);
    if (st == ST_OK && comm_rank(s->comm) == 0) {
        st = run_folder_verify(path, em);
        if (st == ST_OK)
            st = load(s, path, -1, false, em);
        if (st == ST_OK)
            log_info("parameters taken from %s", path);
    }
    st = comm_agree(s->comm, st, em);
    return st == ST_OK ? session_share_state(s, em) : st;
}
