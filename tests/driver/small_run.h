/* A run of a few tiny pictures, opened as `bifrons train` opens one, with a folder to save in. */
#ifndef BIFRONS_TESTS_DRIVER_SMALL_RUN_H
#define BIFRONS_TESTS_DRIVER_SMALL_RUN_H

#include "run_folder.h"
#include "run_open.h"
#include "session.h"
#include "small_sets.h"
#include "stage_open.h"

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
    *r = (struct small_run){.session = {.run = {.comm = comm}}};
    small_sets_init(&r->small);
    snprintf(sets, sizeof sets,
             "data.a = '%s'\ndata.b = '%s'\nmodel.image_size = 64\nmodel.latent = 8\n"
             "model.width = 8\ntrain.device = 'cpu'\ntrain.threads = 1\ntrain.global_batch = 2\n",
             r->small.paths[0], r->small.paths[1]);
    config_init(&s->run.config);
    assert_ok(config_merge_text(&s->run.config, sets, "sets", &em));
    assert_ok(config_merge_text(&s->run.config, keys, "keys", &em));
    assert_true(path_join(s->run.out, sizeof s->run.out, scratch, "run"));
    if (comm_rank(comm) == 0) {
        assert_ok(run_folder_open(s->run.out, false, 0, &r->folder, &em));
        assert_ok(run_folder_begin(r->folder, "", &em));
    }
    assert_ok(run_open(&s->run, &em));
    session_begin(s);
    assert_ok(stage_open(&s->stage, &s->state, &em));
    free(scratch);
}

static inline void small_run_release(struct small_run *r)
{
    stage_close(&r->session.stage);
    run_close(&r->session.run);
    run_folder_free(r->folder);
    small_sets_release(&r->small);
}

/* As if so many steps had been taken: position and all parameters move on. */
static inline void small_run_go_to(struct small_run *r, int64_t step)
{
    struct train_state *t = &r->session.state;
    const struct model_flat *flat = model_flat(r->session.stage.model);
    for (size_t i = 0; i < flat->count; i++)
        ((float *)flat->parameters)[i] = (float)step;
    t->step = step;
    t->position = (uint64_t)(step * r->session.run.config.train.global_batch);
}

/* Are parameters and position those of this step? */
static inline void assert_stands_at(const struct small_run *r, int64_t step)
{
    const struct model_flat *flat = model_flat(r->session.stage.model);
    assert_int_equal(r->session.state.step, step);
    assert_int_equal(r->session.state.position, step * r->session.run.config.train.global_batch);
    for (size_t i = 0; i < flat->count; i += flat->count - 1)
        assert_true(((const float *)flat->parameters)[i] == (float)step);
}

#endif
