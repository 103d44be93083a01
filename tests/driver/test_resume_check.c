/* What a configuration may change between the lives of a run, and what a change means. */
#include "resume_check.h"

#include <inttypes.h>

#include "base/checked.h"
#include "small_sets.h"

static struct errmsg em;
static struct small_sets small;
static struct run run;
static struct resume_changes changed;

static int setup(void **state)
{
    (void)state;
    small_sets_init(&small);
    return 0;
}

static int each(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    small_sets_release(&small);
    return 0;
}

static bool other_held_out; /* as after a change of train.seed */

/* A checkpoint of this stage, of these sets. */
static struct run_meta meta_of(int64_t stage)
{
    struct run_meta meta = {.state.stage = stage};
    for (int p = 0; p < 2; p++) {
        memcpy(meta.fingerprints[p], set_get_info(small.sets[p])->fingerprint_text,
               sizeof meta.fingerprints[p]);
        snprintf(meta.held_out[p], sizeof meta.held_out[p], "%016x", other_held_out ? 7 : 0);
    }
    return meta;
}

/* A run with this configuration, in its last stage or in that of the checkpoint. */
static struct run *run_of(const char *toml, int64_t stage)
{
    struct config *c = &run.config;
    run.sets[0] = small.sets[0];
    run.sets[1] = small.sets[1];
    run.orders[0] = small.orders[0];
    run.orders[1] = small.orders[1];
    config_init(c);
    assert_ok(config_merge_text(c, "data.a = \"a.h5\"\ndata.b = \"b.h5\"\n", "sets", &em));
    assert_ok(config_merge_text(c, toml, "now.toml", &em));
    config_enter_stage(c, MIN(stage, config_stage_count(c) - 1));
    return &run;
}

/* From a checkpoint with the configuration `before` to a run with `now`. */
static enum status change_in_stage(const char *before, const char *now, int64_t stage)
{
    struct run_meta meta = meta_of(stage);
    em = (struct errmsg){0};
    char *saved = config_to_toml(&run_of(before, stage)->config);
    enum status st = resume_check(run_of(now, stage), "x.pt", saved, &meta, &changed, &em);
    free(saved);
    return st;
}

static enum status change(const char *before, const char *now)
{
    return change_in_stage(before, now, 0);
}

static void assert_changes(bool losses, bool best)
{
    assert_int_equal(changed.losses, losses);
    assert_int_equal(changed.best, best);
    assert_false(changed.stages);
}

static void nothing_has_changed(void **state)
{
    (void)state;
    assert_ok(change("train.lr = 3e-4", "train.lr = 3e-4"));
    assert_changes(false, false);
}

static void what_would_mean_something_else_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *now, *told;
    } cases[] = {
        {"model.latent = 64",            "model.latent: 128 -> 64"        },
        {"model.image_size = 256",       "model.image_size: 128 -> 256"   },
        {"model.mean_codes = true",      "model.mean_codes: false -> true"},
        {"train.seed = 2",               "train.seed: 1 -> 2"             },
        {"data.val_fraction = 0.2",      "data.val_fraction: 0.1 -> 0.2"  },
        {"train.adam_beta1 = 0.5",       "train.adam_beta1: 0.9 -> 0.5"   },
        {"train.lr = 1\ntrain.seed = 3", "train.seed: 1 -> 3"             },
    };
    other_held_out = true; /* the reason is a key */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(change("", cases[i].now), ST_CONFIG);
        assert_text_has(em.text, cases[i].told);
        assert_text_has(em.text, "x.pt");
        assert_text_has(em.text, "--init-from");
        assert_changes(false, false);
    }
    other_held_out = false;
}

static void what_may_change_says_what_starts_anew(void **state)
{
    (void)state;
    static const struct {
        const char *now;
        bool losses, best;
    } cases[] = {
        {"train.lr = 1e-3",                             false, false},
        {"train.global_batch = 4\ntrain.epochs = 7",    false, false},
        {"train.precision = \"bf16\"",                  false, false},
        {"guard.spike = 3",                             false, false},
        {"loss.dssim = 1",                              true,  false},
        {"loss.mask = 2",                               true,  false},
        {"data.masks = false",                          true,  false},
        {"checkpoint.best = \"recon_l1\"",              false, true },
        {"checkpoint.best = \"recon_l1\"\nloss.l1 = 2", true,  true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(change("", cases[i].now));
        assert_changes(cases[i].losses, cases[i].best);
        assert_ok(change(cases[i].now, cases[i].now));
        assert_changes(false, false);
    }
}

static void discriminators_are_fixed_where_there_are_any(void **state)
{
    (void)state;
    const char *more =
        "loss.adversarial = 0.1\ndiscriminator.channels = 16\ndiscriminator.beta1 = 0.1";
    assert_ok(change("", more));
    assert_changes(true, false);
    assert_status(change("loss.adversarial = 0.1", more), ST_CONFIG);
    assert_text_has(em.text, "discriminator.");
    assert_ok(change("loss.adversarial = 0.1", "loss.adversarial = 0.1\ndiscriminator.lr = 0.01"));
    assert_changes(false, false);
}

static void other_pictures_are_refused(void **state)
{
    (void)state;
    struct run_meta meta = meta_of(0);
    snprintf(meta.fingerprints[1], sizeof meta.fingerprints[1], "00000000deadbeef");
    assert_status(resume_check(run_of("", 0), "x.pt", "", &meta, &changed, &em), ST_CONFIG);
    assert_text_has(em.text, "data.b: b.h5 holds other pictures than x.pt");
    assert_text_has(em.text, "00000000deadbeef");
    struct run_meta turned = meta_of(0), as_is = turned;
    memcpy(turned.fingerprints[0], as_is.fingerprints[1], sizeof turned.fingerprints[0]);
    memcpy(turned.fingerprints[1], as_is.fingerprints[0], sizeof turned.fingerprints[1]);
    em = (struct errmsg){0};
    assert_status(resume_check(run_of("", 0), "x.pt", "", &turned, &changed, &em), ST_CONFIG);
    assert_text_has(em.text, "Exchange data.a and data.b");
}

/* The same pictures, packed again with other times, or with none. */
static void other_held_out_pictures_are_refused(void **state)
{
    (void)state;
    struct run_meta meta = meta_of(0);
    assert_ok(resume_check(run_of("", 0), "x.pt", "", &meta, &changed, &em));
    snprintf(meta.held_out[1], sizeof meta.held_out[1], "00000000deadbeef");
    assert_status(resume_check(run_of("", 0), "x.pt", "", &meta, &changed, &em), ST_CONFIG);
    assert_text_has(em.text, "data.b: b.h5 holds the pictures that x.pt was trained on, but not");
}

/* A user's own checkpoint: no fingerprints, no configuration or one that cannot be read. */
static void what_is_not_known_passes(void **state)
{
    (void)state;
    const struct run_meta none = {0};
    const char *texts[] = {NULL, "", "no = \"key of ours\"", "model.latent = "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        em = (struct errmsg){0};
        assert_ok(resume_check(run_of("", 0), "x.pt", texts[i], &none, &changed, &em));
        assert_changes(false, false);
    }
}

static void stages_before_are_fixed_and_later_ones_are_free(void **state)
{
    (void)state;
#define STAGES(...) "train.stages = [" __VA_ARGS__ "]"
    const char *before = STAGES("{image_size=64,epochs=2}, {image_size=128,epochs=3}");
    assert_status(change_in_stage(before, STAGES("{image_size=64,epochs=9}, {image_size=128}"), 1),
                  ST_CONFIG);
    assert_true(changed.stages);
    assert_text_has(em.text, "stage 1 of train.stages");
    assert_text_has(em.text, "epochs = 9");
    assert_status(change_in_stage(before, STAGES("{image_size=64,epochs=2}"), 1), ST_CONFIG);
    assert_true(changed.stages);
    assert_text_has(em.text, "has fewer stages");
    assert_ok(change_in_stage(before,
                              STAGES("{image_size=64,epochs=2}, "
                                     "{image_size=128,epochs=8}, {image_size=256}"),
                              1));
    assert_changes(false, false);
    assert_ok(change_in_stage(before, STAGES("{image_size=64,epochs=7}, {image_size=256}"), 0));
    assert_changes(false, false);
    /* in its own stage the network is fixed, and no earlier stage is to blame in the first one */
    assert_status(change_in_stage(before, STAGES("{image_size=128,epochs=2}"), 0), ST_CONFIG);
    assert_false(changed.stages);
    assert_text_has(em.text, "model.image_size: 64 -> 128");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_has_changed, each),
        cmocka_unit_test_setup(what_would_mean_something_else_is_refused, each),
        cmocka_unit_test_setup(what_may_change_says_what_starts_anew, each),
        cmocka_unit_test_setup(discriminators_are_fixed_where_there_are_any, each),
        cmocka_unit_test_setup(other_pictures_are_refused, each),
        cmocka_unit_test_setup(other_held_out_pictures_are_refused, each),
        cmocka_unit_test_setup(what_is_not_known_passes, each),
        cmocka_unit_test_setup(stages_before_are_fixed_and_later_ones_are_free, each),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
