/* A run of a few tiny pictures, opened as `bifrons train` opens one, with a folder to save in. */
#ifndef BIFRONS_TESTS_DRIVER_SMALL_RUN_H
#define BIFRONS_TESTS_DRIVER_SMALL_RUN_H

#include "run_folder.h"
#include "session.h"
#include "small_sets.h"

struct small_run {
    struct session session; /* COLLECTIVE to open; at step 0 */
    struct small_sets small;
    struct run_folder *folder; /* rank 0's */
};

/* keys: TOML in which strings stand in '', after those of the sets and of a tiny network. */
static inline void small_run_init(struct small_run *r, struct comm *comm, const char *keys)
{
    struct errmsg em = {0};
    char sets[2 * PATH_BYTES_MAX + 256], *scratch = scratch_new();
    struct session *s = &r->session;
    *r = (struct small_run){.session = {.comm = comm}};
    small_sets_init(&r->small);
    snprintf(sets, sizeof sets,
             "data.a = '%s'\ndata.b = '%s'\nmodel.image_size = 64\nmodel.latent = 8\n"
             "model.width = 8\ntrain.device = 'cpu'\ntrain.threads = 1\ntrain.global_batch = 2\n",
             r->small.paths[0], r->small.paths[1]);
    config_init(&s->config);
    assert_ok(config_merge_text(&s->config, sets, "sets", &em));
    assert_ok(config_merge_text(&s->config, keys, "keys", &em));
    assert_true(path_join(s->out, sizeof s->out, scratch, "run"));
    if (comm_rank(comm) == 0) {
        assert_ok(run_folder_open(s->out, false, &r->folder, &em));
        assert_ok(run_folder_begin(r->folder, "", &em));
    }
    assert_ok(session_open(s, &em));
    assert_ok(session_open_stage(s, &em));
    free(scratch);
}

static inline void small_run_release(struct small_run *r)
{
    session_close(&r->session);
    run_folder_free(r->folder);
    small_sets_release(&r->small);
}

/* As if so many steps had been taken: position and all parameters move on. */
static inline void small_run_go_to(struct small_run *r, int64_t step)
{
    struct train_state *t = &r->session.state;
    const struct model_flat *flat = model_flat(r->session.model);
    for (size_t i = 0; i < flat->count; i++)
        ((float *)flat->parameters)[i] = (float)step;
    t->step = step;
    t->position = (uint64_t)(step * r->session.config.train.global_batch);
}

/* Are parameters and position those of this step? */
static inline void assert_stands_at(const struct small_run *r, int64_t step)
{
    const struct model_flat *flat = model_flat(r->session.model);
    assert_int_equal(r->session.state.step, step);
    assert_int_equal(r->session.state.position, step * r->session.config.train.global_batch);
    for (size_t i = 0; i < flat->count; i += flat->count - 1)
        assert_true(((const float *)flat->parameters)[i] == (float)step);
}

#endif
