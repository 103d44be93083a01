/* argv[1]: the source tree, for configs/ and docs/config.md. */
#include "config.h"

#include "base/checked.h"
#include "base/file.h"
#include "config_schema.h"
#include "config_sources.h"
#include "model/architecture.h"
#include "testing.h"
#include "train_arguments.h"

static const char *source_tree;

static struct config defaults(void)
{
    struct config c;
    config_init(&c);
    return c;
}

/* Merging text fails with this status and message, and leaves the config alone. */
static void assert_refused(const char *text, enum status wanted, const char *message)
{
    struct errmsg em = {0};
    struct config c = defaults(), before = c;
    assert_status(config_merge_text(&c, text, "x.toml", &em), wanted);
    if (strcmp(em.text, message) != 0)
        fail_msg("got  \"%s\"\nwanted \"%s\"", em.text, message);
    assert_memory_equal(&c, &before, sizeof c);
}

static void every_key_has_help_and_a_default_it_takes(void **state)
{
    (void)state;
    const struct config_key *keys;
    size_t n = config_schema(&keys);
    struct config c = defaults();
    for (size_t i = 0; i < n; i++) {
        struct errmsg em = {0};
        char allowed[KEY_ALLOWED_BYTES], *value = NULL;
        size_t bytes, help_bytes = strlen(keys[i].help);
        assert_true(help_bytes > 10 && keys[i].help[help_bytes - 1] == '.');
        assert_true(strlen(keys[i].name) < KEY_NAME_BYTES);
        config_key_allowed(&keys[i], allowed);
        assert_true(strlen(allowed) > 0 && strlen(allowed) + 1 < sizeof allowed);
        assert_ptr_equal(config_key_find(keys[i].name), &keys[i]);

        FILE *f = open_memstream(&value, &bytes);
        assert_non_null(f);
        config_value_print(f, &keys[i], &keys[i].initial);
        fclose(f);
        struct config again = c;
        assert_ok(config_merge_option(&again, keys[i].name, value, keys[i].name, &em));
        assert_memory_equal(&again, &c, sizeof c);
        free(value);
    }
}

static void later_ones_win(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config c = defaults();
    assert_true(c.train.lr == 1e-4);
    assert_int_equal(c.train.global_batch, 8);
    assert_ok(config_merge_text(&c, "[train]\nlr = 1\nepochs = 7", "x", &em));
    assert_ok(config_merge_text(&c, "train.lr = 0.5", "y", &em));
    assert_int_equal(c.train.epochs, 7);
    assert_true(c.train.lr == 0.5);
    assert_ok(config_merge_assignment(&c, "train.lr=2e-4", &em));
    assert_ok(config_merge_assignment(&c, " train.schedule = cosine", &em));
    assert_true(c.train.lr == 2e-4);
    assert_int_equal(c.train.schedule, SCHEDULE_COSINE);
}

static void assignments_take_toml_or_bare_text(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config c = defaults();
    assert_ok(config_merge_assignment(&c, "data.a=/x/y z=1.h5", &em));
    assert_string_equal(c.data.a, "/x/y z=1.h5");
    assert_ok(config_merge_assignment(&c, "data.b=\"q\\u00e9\"", &em));
    assert_string_equal(c.data.b, "q\xc3\xa9");
    assert_ok(config_merge_assignment(&c, "name=2024", &em)); /* a number in TOML, a name here */
    assert_string_equal(c.name, "2024");
    assert_ok(config_merge_assignment(&c, "data.a=", &em));
    assert_string_equal(c.data.a, "");
    assert_ok(config_merge_assignment(&c, "data.a=a\nname = \"sly\"", &em)); /* one value only */
    assert_string_equal(c.data.a, "a\nname = \"sly\"");
    assert_string_equal(c.name, "2024");
    assert_ok(config_merge_assignment(&c, "train.timeout_s=off", &em));
    assert_true(c.train.timeout_s == 0);
    assert_ok(config_merge_assignment(&c, "train.timeout_s=30", &em));
    assert_true(c.train.timeout_s == 30);
    assert_ok(config_merge_assignment(&c, "train.device=cuda:12", &em));
    assert_ok(config_merge_assignment(&c, "data.masks=false", &em));
    assert_false(c.data.masks);
    assert_ok(config_merge_assignment(&c, "train.seed=9223372036854775807", &em));
    assert_true(c.train.seed == INT64_MAX);
}

static void assignments_are_refused_with_their_option(void **state)
{
    (void)state;
    static const struct {
        const char *assignment, *message;
        enum status wanted;
    } bad[] = {
        {"train.lr=fast",
         "--set train.lr=fast: train.lr must be a number from 0 to 1, not "
         "\"fast\"",                                                                                                ST_CONFIG},
        {"train.lrr=1",                "--set train.lrr=1: unknown key train.lrr; did you mean train.lr?",
         ST_CONFIG                                                                                                           },
        {"train.epochs=1e3",
         "--set train.epochs=1e3: train.epochs must be a whole number from 1 "
         "to 1000000, not 1000.0: write 1000",                                                                      ST_CONFIG},
        {"train.lr",
         "--set train.lr: a value is missing; write --set KEY=VALUE, without blanks around =, as "
         "in "
         "--set train.lr=VALUE. train.lr takes a number from 0 to 1",                                               ST_USAGE },
        {"train.epochs= ",
         "--set train.epochs= : a value is missing; write --set KEY=VALUE, without blanks around "
         "=, "
         "as in --set train.epochs=VALUE. train.epochs takes a whole number from 1 to 1000000",                     ST_USAGE },
        {"lr",
         "--set lr: write --set KEY=VALUE, without blanks around =, as in --set train.lr=2e-4; did "
         "you mean train.lr or discriminator.lr?",                                                                  ST_USAGE },
        {"lr=1e-3",                    "--set lr=1e-3: unknown key lr; did you mean train.lr or discriminator.lr?",
         ST_CONFIG                                                                                                           },
        {"=1",
         "--set =1: the key is missing; write --set KEY=VALUE, without blanks around =, as in "
         "--set "
         "train.lr=2e-4",                                                                                           ST_USAGE },
        {"data.a=\xff",                "--set data.a=\xff: the value of data.a is not UTF-8 text",                  ST_CONFIG},
        {"train.epochs=1\ntrain.lr=2",
         "--set train.epochs=1\ntrain.lr=2: train.epochs must be a "
         "whole number from 1 to 1000000, not \"1\ntrain.lr=2\"",                                                   ST_CONFIG},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct errmsg em = {0};
        struct config c = defaults(), before = c;
        assert_status(config_merge_assignment(&c, bad[i].assignment, &em), bad[i].wanted);
        assert_string_equal(em.text, bad[i].message);
        assert_memory_equal(&c, &before, sizeof c);
    }
    struct errmsg em = {0};
    struct config c = defaults();
    assert_status(config_merge_option(&c, "train.epochs", "0", "--epochs 0", &em), ST_CONFIG);
    assert_text_has(em.text, "--epochs 0: train.epochs must be");
}

static void unknown_keys_come_with_the_nearest(void **state)
{
    (void)state;
    assert_refused("[train]\n  lrr = 1\n", ST_CONFIG,
                   "x.toml:2:3: unknown key train.lrr; did you mean train.lr?");
    assert_refused("[trian]\nlr = 1\n", ST_CONFIG,
                   "x.toml:2:1: unknown key trian.lr; did you mean train.lr?");
    assert_refused("[data]\nlr = 1\n", ST_CONFIG,
                   "x.toml:2:1: unknown key data.lr; did you mean train.lr or discriminator.lr?");
    assert_refused("[data]\nmask = true\n", ST_CONFIG, /* not loss.mask */
                   "x.toml:2:1: unknown key data.mask; did you mean data.masks?");
    assert_refused("epoch = 1\n", ST_CONFIG,
                   "x.toml:1:1: unknown key epoch; did you mean train.epochs?");
    assert_refused("zebra = 1\n", ST_CONFIG,
                   "x.toml:1:1: unknown key zebra; bifrons train --help lists every key");
    assert_refused("\"train.lr\" = 1\n", ST_CONFIG,
                   "x.toml:1:1: unknown key \"train.lr\"; did you mean train.lr?");
    assert_refused("[discriminatr]\nlr = 1\n", ST_CONFIG,
                   "x.toml:2:1: unknown key discriminatr.lr; did you mean discriminator.lr?");
    assert_refused("Train.LR = 1\n", ST_CONFIG,
                   "x.toml:1:7: unknown key Train.LR; did you mean train.lr?");
    assert_refused("learning-rate = 1\n", ST_CONFIG,
                   "x.toml:1:1: unknown key learning-rate; did you mean train.lr?");
    assert_refused("[model]\nsize = 64\n", ST_CONFIG,
                   "x.toml:2:1: unknown key model.size; did you mean model.code_size, "
                   "model.image_size or train.slot_size?");
    assert_refused("[train]\ntrain.lr = 1\n", ST_CONFIG,
                   "x.toml:2:7: unknown key train.train.lr; did you mean train.lr?");
    assert_refused("[train]\nname = \"x\"\n", ST_CONFIG,
                   "x.toml:2:1: unknown key train.name; did you mean name? It stands before the "
                   "first [table]");
    assert_refused("[trian]\n", ST_CONFIG,
                   "x.toml:1:2: unknown table [trian]; did you mean [train]?");
    assert_refused("[zebra]\n", ST_CONFIG,
                   "x.toml:1:2: unknown key zebra; bifrons train --help lists every key");
    assert_refused("train = 1\n", ST_CONFIG,
                   "x.toml:1:1: train is a table: give its keys, as in [train]");
    struct errmsg em = {0};
    struct config c = defaults();
    assert_ok(config_merge_text(&c, "[train]\n", "x.toml", &em));
    char long_key[300];
    memset(long_key, 'k', sizeof long_key);
    memcpy(long_key + sizeof long_key - 4, "=1\n", 4);
    assert_status(config_merge_text(&c, long_key, "x.toml", &em), ST_CONFIG);
    em = (struct errmsg){0};
    assert_status(config_merge_assignment(&c, long_key, &em), ST_CONFIG);
}

static void earlier_names_are_taken_and_told(void **state)
{
    struct errmsg em = {0};
    struct config c;
    (void)state;
    config_init(&c);
    assert_int_equal(config_merge_text(&c, "[adversary]\nlr = 0.5\n[data]\nstage_dir = \"x\"\n",
                                       "x.toml", &em),
                     ST_OK);
    assert_true(c.discriminator.lr == 0.5);
    assert_string_equal(c.data.local_dir, "x");
    assert_string_equal(c.renamed, "adversary.lr is now called discriminator.lr (x.toml:2:1); "
                                   "data.stage_dir is now called data.local_dir (x.toml:4:1)");
    c.renamed[0] = '\0';
    assert_int_equal(config_merge_assignment(&c, "adversary.r1=3", &em), ST_OK);
    assert_true(c.discriminator.r1 == 3);
    assert_string_equal(c.renamed,
                        "adversary.r1 is now called discriminator.r1 (--set adversary.r1=3)");
    assert_int_equal(config_merge_text(&c, "[adversary]\n", "x.toml", &em), ST_OK);
    assert_int_equal(config_merge_text(&c, "[adversary]\nx = 1\n", "x.toml", &em), ST_CONFIG);
    assert_int_equal(config_merge_text(&c, "[adversarys]\n", "x.toml", &em), ST_CONFIG);
    char *text = config_to_toml(&c);
    assert_null(strstr(text, "adversary."));
    assert_null(strstr(text, "[adversary]"));
    free(text);
}

static void values_are_checked(void **state)
{
    (void)state;
    assert_refused("[train]\nlr = -1\n", ST_CONFIG,
                   "x.toml:2:6: train.lr must be a number from 0 to 1, not -1");
    assert_refused("train.lr = 1.5\n", ST_CONFIG,
                   "x.toml:1:12: train.lr must be a number from 0 to 1, not 1.5");
    assert_refused("train.lr = nan\n", ST_CONFIG,
                   "x.toml:1:12: train.lr must be a number from 0 to 1, not nan");
    assert_refused("train.lr = [1]\n", ST_CONFIG,
                   "x.toml:1:12: train.lr must be a number from 0 to 1, not an array");
    assert_refused("train.epochs = 2.0\n", ST_CONFIG,
                   "x.toml:1:16: train.epochs must be a whole number from 1 to 1000000, not 2.0: "
                   "write 2");
    assert_refused("data.masks = 1\n", ST_CONFIG,
                   "x.toml:1:14: data.masks must be true or false, not 1: write true");
    assert_refused("train.precision = \"fp16\"\n", ST_CONFIG,
                   "x.toml:1:19: train.precision must be \"auto\", \"fp32\" or \"bf16\", not "
                   "\"fp16\"");
    assert_refused("train.device = \"cuda:x\"\n", ST_CONFIG,
                   "x.toml:1:16: train.device must be \"auto\", \"cpu\", \"cuda\" or \"cuda:N\", "
                   "not \"cuda:x\"");
    assert_refused("train.timeout_s = 0\n", ST_CONFIG,
                   "x.toml:1:19: train.timeout_s must be a number from 1 to 604800, or \"off\", "
                   "not 0");
    assert_refused("name = \"../x\"\n", ST_CONFIG,
                   "x.toml:1:8: name must be a file name of up to 63 bytes, not \"../x\"");
    assert_refused("data.a = \"x\\u0000y\"\n", ST_CONFIG,
                   "x.toml:1:10: data.a must be a path of up to 4095 bytes, not \"x\"");
    assert_refused("config_version = 2\n", ST_CONFIG,
                   "x.toml:1:18: config_version must be 1, not 2");
    assert_refused("checkpoint.keep = 1\n", ST_CONFIG,
                   "x.toml:1:19: checkpoint.keep must be a whole number from 2 to 1000, not 1");

    struct errmsg em = {0};
    struct config c = defaults();
    char text[PATH_BYTES_MAX + 32];
    snprintf(text, sizeof text, "data.a=%0*d", PATH_BYTES_MAX, 0);
    assert_status(config_merge_assignment(&c, text, &em), ST_CONFIG);
    assert_text_has(em.text, "not a string of 4096 bytes");
}

static void what_would_be_taken_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } bad[] = {
        {"train.threads = \"40.0\"",       "not \"40.0\": write 40, without quotes"                   },
        {"train.threads = \"1,000\"",      "write 1000, without quotes"                               },
        {"train.threads = \"4,0\"",        "write 4, without quotes"                                  },
        {"train.max_steps = 1e3",          "not 1000.0: write 1000"                                   },
        {"train.lr = \"0,001\"",           "write 0.001, without quotes (the decimal sign is a point)"},
        {"train.timeout_s = false",        "write \"off\""                                            },
        {"data.masks = \"True\"",          "write true, without quotes"                               },
        {"data.masks = \"no\"",            "write false, without quotes"                              },
        {"data.a = 5",                     "write \"5\", with quotes"                                 },
        {"name = true",                    "write \"true\", with quotes"                              },
        {"train.precision = \"BF16\"",     "write \"bf16\""                                           },
        {"train.schedule = \"one-cycle\"", "write \"one_cycle\""                                      },
    };
    static const char *const none[] = {"train.lr = true",        "train.threads = false",
                                       "train.timeout_s = true", "train.lr = \"7\"",
                                       "train.threads = \"x\"",  "train.threads = 0.5",
                                       "data.masks = 2",         "train.schedule = \"zebra\""};
    for (size_t i = 0; i < ARRAY_LENGTH(bad) + ARRAY_LENGTH(none); i++) {
        struct errmsg em = {0};
        struct config c = defaults();
        bool told = i < ARRAY_LENGTH(bad);
        const char *text = told ? bad[i].text : none[i - ARRAY_LENGTH(bad)];
        assert_status(config_merge_text(&c, text, "x", &em), ST_CONFIG);
        if (told)
            assert_text_has(em.text, bad[i].told);
        else if (strstr(em.text, ": write"))
            fail_msg("%s", em.text);
    }
    struct errmsg em = {0};
    struct config c = defaults();
    assert_status(config_merge_assignment(&c, "train.lr=.2,", &em), ST_CONFIG);
    em = (struct errmsg){0};
    assert_status(config_merge_assignment(&c, "train.lr=0,2", &em), ST_CONFIG);
    assert_text_has(em.text,
                    "write 0.2 (the decimal sign is a point)"); /* the shell has no quotes */
}

static void sources_are_checked_before_they_are_read(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config c;
    struct config_sources parted = {0}, twice = {0}, key = {0};
    config_sources_set(&parted, "set", NULL, "train.lr");
    config_sources_file(&parted, "=");
    config_sources_file(&parted, "1e-3");
    assert_status(config_sources_read(&parted, &c, &em), ST_USAGE);
    assert_text_has(em.text, "--set train.lr: a value is missing");
    em = (struct errmsg){0};
    config_sources_file(&twice, "/dev/null");
    config_sources_file(&twice, "/dev//null");
    assert_status(config_sources_read(&twice, &c, &em), ST_USAGE);
    assert_text_has(em.text, "/dev//null is given twice");
    assert_text_has(em.text, "A later file overrides an earlier one");
    em = (struct errmsg){0};
    config_sources_file(&key, "train.lr=1");
    assert_status(config_sources_read(&key, &c, &em), ST_NOINPUT);
    assert_text_has(em.text, "write --set train.lr=1");
    em = (struct errmsg){0};
    struct config_sources dash = {0};
    config_sources_file(&dash, "\xe2\x80\x94set");
    assert_status(config_sources_read(&dash, &c, &em), ST_NOINPUT);
    assert_text_has(em.text, "two plain hyphens");
}

static void numbers_are_no_truth_values(void **state)
{
    (void)state;
    assert_refused("train.zero = true\n", ST_CONFIG,
                   "x.toml:1:14: train.zero must be a whole number from 0 to 1, not true");
}

static void syntax_errors_and_duplicates_have_their_place(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config c = defaults();
    assert_status(config_merge_text(&c, "[train]\nlr = 1\nlr = 2\n", "x.toml", &em), ST_CONFIG);
    assert_text_has(em.text, "x.toml:3:6: ");
    em = (struct errmsg){0};
    assert_status(config_merge_text(&c, "[train]\nlr = \n", "x.toml", &em), ST_CONFIG);
    assert_text_has(em.text, "x.toml:2:");
    assert_true(c.train.lr == 1e-4);
}

static void files_are_named(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config c = defaults();
    assert_status(config_merge_file(&c, "/no/such.toml", &em), ST_NOINPUT);
    assert_string_equal(em.text, "cannot open /no/such.toml: No such file or directory");
    em = (struct errmsg){0};
    assert_status(config_merge_file(&c, source_tree, &em), ST_NOINPUT);
}

static void assert_round_trip(const struct config *c)
{
    struct errmsg em = {0};
    struct config again = defaults();
    again.train.epochs = 999; /* every key is written, so nothing of this is left */
    again.loss.mask = 9;
    char *text = config_to_toml(c);
    assert_non_null(text);
    assert_ok(config_merge_text(&again, text, "resolved", &em));
    assert_memory_equal(&again, c, sizeof again);
    assert_null(config_difference(c, &again));
    free(text);
}

static void toml_round_trip_is_exact(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config c = defaults();
    assert_round_trip(&c);
    c.train.lr = 0.1 + 0.2;
    c.train.adam_eps = 0x1.fffffffffffffp-40;
    c.augment.warp = 1.0 / 3.0 / 7.0;
    c.loss.dssim = 5e-324; /* the smallest there is */
    c.loss.mask = 1e3;
    c.train.seed = INT64_MAX;
    c.train.max_steps = INT64_MAX;
    c.train.timeout_s = 0;
    c.train.precision = PRECISION_BF16;
    c.comm.backend = 3;
    c.data.masks = false;
    snprintf(c.train.device, sizeof c.train.device, "cuda:7");
    snprintf(c.data.a, sizeof c.data.a, "a\"b\\c\nd\te\x01\x7f'#=[]\xc3\xa9\xf0\x9f\x99\x82.h5");
    memset(c.data.b, 'x', sizeof c.data.b - 1);
    assert_round_trip(&c);
    assert_ok(config_merge_assignment(&c, "train.lr=-0.0", &em));
    assert_round_trip(&c);
}

static void differences_are_listed(void **state)
{
    (void)state;
    struct config a = defaults(), b = a;
    assert_null(config_difference(&a, &b));
    b.train.lr = 1e-3;
    b.train.timeout_s = 0;
    snprintf(b.data.a, sizeof b.data.a, "x.h5");
    char *text = config_difference(&a, &b);
    assert_non_null(text);
    assert_string_equal(text, "data.a: \"\" -> \"x.h5\"\n"
                              "train.lr: 0.0001 -> 0.001\n"
                              "train.timeout_s: 300.0 -> \"off\"\n");
    free(text);
}

/* The check of a whole config that says `assignments` (TOML) beside good data sets. */
static void assert_check(const char *text, int world_size, enum status wanted, const char *part)
{
    struct errmsg em = {0};
    struct config c = defaults();
    assert_ok(config_merge_text(&c, "data.a = \"a.h5\"\ndata.b = \"b.h5\"", "sets", &em));
    assert_ok(config_merge_text(&c, text, "x", &em));
    assert_status(config_check(&c, world_size, &em), wanted);
    assert_text_has(em.text, part);
}

/* A word that is a boolean in TOML may be written as either, and is printed as a boolean. */
static void a_graph_is_true_false_or_auto(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
        int64_t value;
    } ways[] = {
        {"true",     "cuda_graph = true",     GRAPH_ON  },
        {"\"true\"", "cuda_graph = true",     GRAPH_ON  },
        {"false",    "cuda_graph = false",    GRAPH_OFF },
        {"\"auto\"", "cuda_graph = \"auto\"", GRAPH_AUTO},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct errmsg em = {0};
        struct config c = defaults();
        char text[64];
        snprintf(text, sizeof text, "train.cuda_graph = %s", ways[i].text);
        assert_ok(config_merge_text(&c, text, "x", &em));
        assert_int_equal(c.train.cuda_graph, ways[i].value);
        char *toml = config_to_toml(&c);
        assert_text_has(toml, ways[i].printed);
        free(toml);
        assert_round_trip(&c);
    }
    assert_refused("train.cuda_graph = \"yes\"", ST_CONFIG,
                   "x.toml:1:20: train.cuda_graph must be false, true or \"auto\", not \"yes\"");
    assert_refused("train.cuda_graph = 1", ST_CONFIG,
                   "x.toml:1:20: train.cuda_graph must be false, true or \"auto\", not 1");
}

static void keys_are_checked_together(void **state)
{
    (void)state;
    assert_check("", 8, ST_OK, "");
    assert_check("data.b = \"\"", 1, ST_CONFIG, "data.b is not set: name person B's set");
    assert_check("", 9, ST_CONFIG, "train.global_batch = 8 is smaller than the 9 ranks");
    assert_check("train.accumulate = 3", 3, ST_OK, "");
    assert_check("train.accumulate = 4", 3, ST_CONFIG, "set it to 3 or less");
    assert_check("model.image_size = 96", 1, ST_CONFIG, "to model.code_size = 4; set it to 64, ");
    assert_check("model.image_size = 96\nmodel.code_size = 6", 1, ST_OK, "");
    assert_check("model.norm = \"group\"", 1, ST_CONFIG, "set model.blocks to 1 or more");
    assert_check("train.recompute = true\ntrain.cuda_graph = true", 1, ST_CONFIG, "exclude each");
    assert_check("loss.l1 = 0", 1, ST_CONFIG, "all 0");
    assert_check("loss.l1 = 0\nloss.dssim = 1", 1, ST_OK, "");
    assert_check("loss.l1 = 0\nloss.perceptual = 1", 1, ST_OK, "");
    assert_check("loss.mask_head = 1", 1, ST_CONFIG, "model.mask = true");
    assert_check("loss.mask_head = 1\nmodel.mask = true", 1, ST_OK, "");
    assert_check("loss.mask_head = 1\nmodel.mask = true\ndata.masks = false", 1, ST_CONFIG,
                 "data.masks = true");
    assert_check("loss.latent = 1", 1, ST_CONFIG, "augment.back_translation = 0.5");
    assert_check("loss.latent = 1\naugment.back_translation = 0.1", 1, ST_OK, "");
    assert_check("loss.mask = 2\ndata.masks = false", 1, ST_CONFIG, "data.masks = true");
    assert_check("train.reproducible = true", 1, ST_CONFIG, "set train.threads");
    assert_check("train.reproducible = true\ntrain.threads = 1", 8, ST_OK, "");
    assert_check("train.reproducible = true\ntrain.threads = 1\ntrain.zero = 1", 8, ST_OK, "");
    assert_check("train.reproducible = true\ntrain.threads = 1\ntrain.slot_size = 3", 4, ST_CONFIG,
                 "makes 3 slots of train.slot_size = 3");
    assert_check("train.reproducible = true\ntrain.threads = 1\ncomm.wire = \"bf16\"", 1, ST_CONFIG,
                 "set comm.wire = \"fp32\"");
    assert_check("train.reproducible = true\ntrain.threads = 1\ntrain.device = \"cuda:1\"", 1,
                 ST_CONFIG, "set train.device = \"cpu\"");
}

/* train.device = "auto" may turn out to be a GPU. */
static void a_device_is_checked_when_it_is_known(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config c = defaults();
    assert_ok(config_check_device(&c, "cuda:0", &em));
    c.train.reproducible = true;
    assert_ok(config_check_device(&c, "auto", &em));
    assert_status(config_check_device(&c, "cuda:0", &em), ST_CONFIG);
    assert_text_has(em.text, "not on \"cuda:0\": set train.device = \"cpu\"");
}

static void configs_that_come_along_are_good(void **state)
{
    (void)state;
    static const char *const names[] = {"recipe",  "light128", "prod256",
                                        "prod512", "demo",     "debug"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct errmsg em = {0};
        char path[PATH_BYTES_MAX];
        snprintf(path, sizeof path, "%s/configs/%s.toml", source_tree, names[i]);
        struct config c = defaults();
        assert_ok(config_merge_file(&c, path, &em));
        assert_string_equal(c.name, names[i]);
        if (c.data.a[0] == '\0') { /* the user's own sets */
            assert_ok(config_merge_assignment(&c, "data.a=a.h5", &em));
            assert_ok(config_merge_assignment(&c, "data.b=b.h5", &em));
        }
        assert_ok(config_check(&c, 2, &em));
    }
}

/* What configs/README.md says of them. */
static void presets_are_as_large_as_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int image_size, latent;
        double millions;
    } presets[] = {
        {"light128", 128, 128,  6.7  },
        {"prod256",  256, 512,  82.9 },
        {"prod512",  512, 1024, 140.4}
    };
    for (size_t i = 0; i < ARRAY_LENGTH(presets); i++) {
        struct errmsg em = {0};
        char path[PATH_BYTES_MAX];
        struct architecture *a = NULL;
        snprintf(path, sizeof path, "%s/configs/%s.toml", source_tree, presets[i].name);
        struct config c = defaults();
        assert_ok(config_merge_file(&c, path, &em));
        assert_ok(architecture_new(&c.model, &a, &em));
        assert_int_equal(a->config.image_size, presets[i].image_size);
        assert_int_equal(a->config.latent, presets[i].latent);
        assert_near((double)a->count / 1e6, presets[i].millions, 0.05);
        architecture_free(a);
    }
}

/* light128.toml writes the defaults down; that is what makes it a good start. */
static void light128_is_the_default(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/configs/light128.toml", source_tree);
    struct config old = defaults(), c = old;
    assert_ok(config_merge_file(&c, path, &em));
    char *text = config_difference(&old, &c);
    assert_non_null(text);
    assert_string_equal(text, "name: \"\" -> \"light128\"\n");
    free(text);
}

/* Where this fails: bifrons train --print-keys, between the lines of docs/config.md. */
static void documented_keys_are_the_schema(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX], *table = NULL;
    uint8_t *page;
    size_t n, page_bytes;
    snprintf(path, sizeof path, "%s/docs/config.md", source_tree);
    assert_ok(file_read_all(path, 1 << 20, &page, &page_bytes, &em));
    FILE *f = open_memstream(&table, &n);
    assert_non_null(f);
    config_print_schema(f, true);
    fclose(f);
    if (!strstr((char *)page, table))
        fail_msg("docs/config.md is out of date: put the output of bifrons train --print-keys in");
    free(table);
    free(page);
}

static void plain_schema_fits_a_terminal(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    config_print_schema(f, false);
    fclose(f);
    for (char *line = text; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 79);
    assert_text_has(text, "\n[train]\n");
    free(text);
}

/* --- the command line ----------------------------------------------------------------------- */

static enum status parse(struct train_arguments *a, struct errmsg *em, const char *const *words)
{
    char *argv[32] = {(char *)"train"};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)words[argc - 1];
    *em = (struct errmsg){0};
    enum status st = train_arguments_parse(argc, argv, a, em);
    return st == ST_OK && !a->print_config ? train_arguments_check(a, 1, argc, argv, em) : st;
}
#define PARSE(...) parse(a, &em, (const char *const[]){__VA_ARGS__, NULL})

static void write_text(const char *folder, const char *name, const char *text)
{
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    assert_true(path_join(path, sizeof path, folder, name));
    assert_ok(file_write_atomic(path, text, strlen(text), &em));
}

/* Removes the names in the folder, then the folder; leaves it as working directory before. */
static void scratch_remove(char *folder, const char *const *names)
{
    for (; *names; names++)
        assert_int_equal(remove(*names), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}
#define SCRATCH_REMOVE(folder, ...) \
    scratch_remove((folder), (const char *const[]){__VA_ARGS__, NULL})

static void command_lines(void **state)
{
    (void)state;
    struct errmsg em;
    struct train_arguments *a = malloc(sizeof *a);
    char *here = scratch_new();
    assert_non_null(a);
    assert_int_equal(chdir(here), 0);
    write_text(here, "one.toml", "train.lr = 0.1\ntrain.epochs = 3\ndata.b = \"b.h5\"\n");
    write_text(here, "two.toml", "train.lr = 0.2\n");
    write_text(here, "a.h5", "");
    write_text(here, "b.h5", "");

    /* files before options, wherever they stand; options in their order */
    assert_ok(PARSE("--set", "train.lr=0.3", "--lr", "0.4", "one.toml", "--data-a", "a.h5",
                    "two.toml", "--seed", "5", "--set=train.seed=6"));
    assert_true(a->config.train.lr == 0.4);
    assert_int_equal(a->config.train.epochs, 3);
    assert_int_equal(a->config.train.seed, 6);
    assert_string_equal(a->config.name, "two");
    assert_string_equal(a->out, "runs/two");
    assert_string_equal(a->resume, "auto");
    assert_string_equal(a->init_from, "");
    assert_false(a->dry_run || a->folder_a || a->folder_b);

    assert_ok(PARSE("--data-a", "a.h5", "--data-b", "b.h5", "--batch-size", "16", "--image-size",
                    "256", "--device", "cpu", "--epochs", "9", "-o", "else", "--resume", "none",
                    "--dry-run"));
    assert_int_equal(a->config.train.global_batch, 16);
    assert_int_equal(a->config.model.image_size, 256);
    assert_string_equal(a->config.name, "run");
    assert_string_equal(a->out, "else");
    assert_string_equal(a->resume, "none");
    assert_true(a->dry_run);

    assert_status(PARSE("--data-a", "a.h5"), ST_USAGE);
    assert_text_has(em.text, "give a CONFIG");
    assert_status(PARSE("none.toml"), ST_NOINPUT);
    assert_status(PARSE("two.toml"), ST_CONFIG);
    assert_text_has(em.text, "data.a is not set");
    assert_status(PARSE("one.toml", "--data-a", "c.h5"), ST_NOINPUT);
    assert_text_has(em.text, "data.a = \"c.h5\": no such file");
    assert_status(PARSE("one.toml", "--data-a", "a.h5", "--perceptual"), ST_NOINPUT);
    assert_text_has(em.text, "loss.perceptual_weights is not set. torchvision's");
    assert_true(a->config.loss.perceptual > 0);
    assert_status(PARSE("one.toml", "--data-a", "a.h5", "--perceptual", "--set",
                        "loss.perceptual_weights=none.pth"),
                  ST_NOINPUT);
    assert_text_has(em.text, "\"none.pth\" is no file. torchvision's");
    assert_ok(PARSE("one.toml", "--data-a", "a.h5", "--perceptual", "--set",
                    "loss.perceptual_weights=one.toml"));
    assert_status(PARSE("one.toml", "--epochs", "0"), ST_CONFIG);
    assert_text_has(em.text, "--epochs 0: train.epochs must be");
    SCRATCH_REMOVE(here, "one.toml", "two.toml", "a.h5", "b.h5");
    free(a);
}

static void sources_are_bounded(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config_sources *s = calloc(1, sizeof *s);
    struct config c;
    assert_non_null(s);
    for (int i = 0; i < CONFIG_ASSIGNMENTS_MAX; i++)
        assert_true(config_sources_set(s, "seed", "train.seed", i < 9 ? "4" : "7"));
    assert_false(config_sources_set(s, "seed", "train.seed", "8"));
    assert_ok(config_sources_read(s, &c, &em));
    assert_int_equal(c.train.seed, 7);
    assert_string_equal(c.name, "");
    for (int i = 0; i < CONFIG_FILES_MAX; i++)
        assert_true(config_sources_file(s, "none.toml"));
    assert_false(config_sources_file(s, "none.toml"));
    assert_status(config_sources_read(s, &c, &em), ST_NOINPUT);
    free(s);
}

static void folders_need_consent(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct train_arguments *a = malloc(sizeof *a);
    char *here = scratch_new();
    assert_non_null(a);
    assert_int_equal(chdir(here), 0);
    assert_ok(folder_make("my a", &em));
    assert_ok(folder_make("b", &em));
    assert_status(PARSE("--data-a", "my a", "--data-b", "b", "--epochs", "5"), ST_USAGE);
    assert_text_has(em.text, "run: bifrons train --data-a 'my a' --data-b b --epochs 5 --consent ");
    write_text(here, "my a/consent.txt", "yes");
    assert_status(PARSE("--data-a", "my a", "--data-b", "b"), ST_USAGE);
    assert_text_has(em.text, "b is a folder of pictures without");
    assert_ok(PARSE("--data-a", "my a", "--data-b", "b", "--consent", "they agreed"));
    assert_true(a->folder_a && a->folder_b);
    assert_string_equal(a->consent, "they agreed");
    write_text(here, "b/consent.txt", "yes");
    assert_ok(PARSE("--data-a", "my a", "--data-b", "b"));
    SCRATCH_REMOVE(here, "my a/consent.txt", "b/consent.txt", "my a", "b");
    free(a);
}

/* A rank other than 0 refuses what rank 0 refuses, without a word and without ending by itself. */
static void other_ranks_refuse_silently(void **state)
{
    (void)state;
    struct errmsg em;
    struct train_arguments *a = malloc(sizeof *a);
    assert_non_null(a);
    assert_int_equal(setenv("OMPI_COMM_WORLD_RANK", "1", 1), 0);
    assert_status(PARSE("--no-such-option"), ST_USAGE);
    assert_status(PARSE("--out="), ST_USAGE);
    assert_int_equal(unsetenv("OMPI_COMM_WORLD_RANK"), 0);
    free(a);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 64;
    source_tree = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_help_and_a_default_it_takes),
        cmocka_unit_test(later_ones_win),
        cmocka_unit_test(assignments_take_toml_or_bare_text),
        cmocka_unit_test(assignments_are_refused_with_their_option),
        cmocka_unit_test(unknown_keys_come_with_the_nearest),
        cmocka_unit_test(earlier_names_are_taken_and_told),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(what_would_be_taken_is_told),
        cmocka_unit_test(sources_are_checked_before_they_are_read),
        cmocka_unit_test(numbers_are_no_truth_values),
        cmocka_unit_test(syntax_errors_and_duplicates_have_their_place),
        cmocka_unit_test(files_are_named),
        cmocka_unit_test(toml_round_trip_is_exact),
        cmocka_unit_test(differences_are_listed),
        cmocka_unit_test(a_graph_is_true_false_or_auto),
        cmocka_unit_test(keys_are_checked_together),
        cmocka_unit_test(a_device_is_checked_when_it_is_known),
        cmocka_unit_test(configs_that_come_along_are_good),
        cmocka_unit_test(presets_are_as_large_as_they_say),
        cmocka_unit_test(light128_is_the_default),
        cmocka_unit_test(documented_keys_are_the_schema),
        cmocka_unit_test(plain_schema_fits_a_terminal),
        cmocka_unit_test(command_lines),
        cmocka_unit_test(sources_are_bounded),
        cmocka_unit_test(folders_need_consent),
        cmocka_unit_test(other_ranks_refuse_silently),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
