#include "resume.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/checkpoint.h"
#include "run_folder.h"
#include "run_meta.h"

#include "base/poison.h"

/* Reads state that no other field of the checkpoint carries, and tells what changed since. */
static void take_meta(struct session *s, const struct checkpoint_facts *facts)
{
    struct run_meta meta;
    run_meta_read(facts->meta, &meta);
    s->state.best_val_loss = meta.best_val_loss;
    s->state.wall_s = meta.wall_s;
    s->state.save_s = meta.save_s;
    s->state.stretch_s = meta.stretch_s;
    s->state.metrics_bytes = meta.metrics_bytes;
    if (meta.world_size > 0 &&
        (meta.threads != s->threads || meta.world_size != comm_world_size(s->comm)))
        log_info("resumed on %d ranks of %d threads, saved on %d of %d: not bit-exact",
                 comm_world_size(s->comm), s->threads, meta.world_size, meta.threads);
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

/* Loading is the proof that a checkpoint fits: nothing is changed where it does not. */
static enum status accept(void *session, const char *path, struct errmsg *em)
{
    return load(session, path, true, em);
}

static enum status find_and_load(struct session *s, const char *from,
                                 char path[static PATH_BYTES_MAX], struct errmsg *em)
{
    path[0] = '\0';
    if (strcmp(from, "none") == 0)
        return ST_OK;
    if (strcmp(from, "auto") == 0)
        return run_folder_find_resume(s->out, accept, s, path, em);
    if (!path_join(path, PATH_BYTES_MAX, "", from))
        return FAIL(em, ST_USAGE, "--resume: path too long");
    enum status st = run_folder_verify(path, em);
    return st == ST_OK ? load(s, path, true, em) : st;
}

enum status resume_run(struct session *s, const char *from, struct errmsg *em)
{
    char path[PATH_BYTES_MAX] = "";
    enum status st = ST_OK;
    if (comm_rank(s->comm) == 0) {
        st = find_and_load(s, from, path, em);
        if (st == ST_OK && path[0])
            log_info("resumed from %s: step %lld, epoch %lld", path, (long long)s->state.step,
                     (long long)session_epoch(s) + 1);
    }
    st = comm_agree(s->comm, st, em);
    return st == ST_OK ? share(s, em) : st;
}

enum status resume_init_from(struct session *s, const char *path, struct errmsg *em)
{
    enum status st = ST_OK;
    if (comm_rank(s->comm) == 0) {
        st = run_folder_verify(path, em);
        if (st == ST_OK)
            st = load(s, path, false, em);
        if (st == ST_OK)
            log_info("parameters taken from %s", path);
    }
    st = comm_agree(s->comm, st, em);
    return st == ST_OK ? share(s, em) : st;
}
