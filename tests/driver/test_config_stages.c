#include "base/checked.h"
#include "config.h"
#include "testing.h"

static struct config merged(const char *text)
{
    struct errmsg em = {0};
    struct config c;
    config_init(&c);
    assert_ok(config_merge_text(&c, "data.a = \"a.h5\"\ndata.b = \"b.h5\"\n", "sets", &em));
    assert_ok(config_merge_text(&c, text, "x.toml", &em));
    return c;
}

static const char two_stages[] = "[model]\nimage_size = 256\n"
                                 "[[train.stages]]\nimage_size = 128\nepochs = 20\n"
                                 "global_batch = 16\nlr = 3e-4\n"
                                 "[[train.stages]]\n";

static void a_stage_says_what_stands_in_the_keys(void **state)
{
    (void)state;
    struct config c = merged(two_stages);
    assert_int_equal(config_stage_count(&c), 2);
    assert_int_equal(c.train.stages.list[0].image_size, 128); /* all of the field, not its half */
    config_enter_stage(&c, 0);
    assert_int_equal(c.model.image_size, 128);
    assert_int_equal(c.train.epochs, 20);
    assert_int_equal(c.train.global_batch, 16);
    assert_true(c.train.lr == 3e-4);
    config_enter_stage(&c, 1); /* which says nothing: as the configuration has it without stages */
    assert_int_equal(c.model.image_size, 256);
    assert_int_equal(c.train.epochs, 50);
    assert_int_equal(c.train.global_batch, 8);
    assert_true(c.train.lr == 1e-4);
    config_enter_stage(&c, 0);
    assert_int_equal(c.model.image_size, 128);
}

static void without_stages_there_is_one(void **state)
{
    (void)state;
    struct config c = merged("train.epochs = 3"), before = c;
    assert_int_equal(config_stage_count(&c), 1);
    config_enter_stage(&c, 0);
    assert_memory_equal(&c, &before, sizeof c);
    assert_int_equal(config_largest_size(&c), 128);
    assert_int_equal(config_largest_batch(&c), 8);
}

static void the_largest_of_all_stages(void **state)
{
    (void)state;
    struct config c = merged(two_stages);
    assert_int_equal(config_largest_size(&c), 256); /* of the one that says nothing */
    assert_int_equal(config_largest_batch(&c), 16);
    config_enter_stage(&c, 0);
    assert_int_equal(config_largest_size(&c), 256);
    assert_int_equal(config_largest_batch(&c), 16);
}

static void assert_printed(const struct config *c, const char *line)
{
    struct errmsg em = {0};
    struct config again = merged("train.stages = [{image_size = 64}, {}, {}]");
    char *text = config_to_toml(c);
    assert_non_null(text);
    assert_text_has(text, line);
    assert_ok(config_merge_text(&again, text, "printed", &em));
    assert_memory_equal(&again, c, sizeof again);
    free(text);
}

static void what_is_printed_gives_the_same(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config c = merged(two_stages);
    assert_printed(&c, "\nstages = [{image_size = 128, epochs = 20, global_batch = 16, "
                       "lr = 0.0003}, {}]\n");
    config_enter_stage(&c, 0);
    assert_printed(&c, "\nstages = [{image_size = 128, epochs = 20, global_batch = 16, "
                       "lr = 0.0003}, {image_size = 256, epochs = 50, global_batch = 8, "
                       "lr = 0.0001}]\n");
    assert_ok(config_merge_assignment(&c, "train.stages=[{lr = 0}, {image_size = 512}]", &em));
    assert_printed(&c, "\nstages = [{lr = 0.0}, {image_size = 512}]\n");
    assert_ok(config_merge_assignment(&c, "train.stages=off", &em));
    assert_printed(&c, "\nstages = \"off\"\n");
}

static void differences_show(void **state)
{
    (void)state;
    struct config a = merged(""), b = merged("train.stages = [{lr = 0.1}]");
    char *text = config_difference(&a, &b);
    assert_string_equal(text, "train.stages: \"off\" -> [{lr = 0.1}]\n");
    free(text);
    a = merged("train.stages = [{lr = 0.1, epochs = 2}]");
    text = config_difference(&a, &b);
    assert_string_equal(text, "train.stages: [{epochs = 2, lr = 0.1}] -> [{lr = 0.1}]\n");
    free(text);
    assert_null(config_difference(&a, &a));
}

static void bad_lists_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"train.stages = []",
         "x.toml:1:16: train.stages must be \"off\", or up to 16 tables of image_size, epochs, "
         "global_batch and lr, as [{image_size = 128}, {image_size = 256}], not an empty array"},
        {"train.stages = [64, 128]",
         "x.toml:1:16: train.stages must be \"off\", or up to 16 tables of image_size, epochs, "
         "global_batch and lr, as [{image_size = 128}, {image_size = 256}], not an array"      },
        {"[train.stages]\nlr = 1",
         "x.toml:2:1: unknown key train.stages.lr: each stage is a table of the list train.stages; "
         "begin it with [[train.stages]]"                                                      },
        {"[[train.stages]]\n[[train.stages]]\nepoch = 1",
         "x.toml:3:1: unknown key epoch in stage 2 of train.stages; a stage may set image_size, "
         "epochs, global_batch and lr"                                                         },
        {"[[train.stages]]\nepochs = 0",
         "x.toml:2:10: epochs of stage 1 of train.stages must be a whole number from 1 to 1000000, "
         "not 0"                                                                               },
        {"train.stages = [{}, {lr = \"x\"}]",
         "x.toml:1:27: lr of stage 2 of train.stages must be a number from 0 to 1, not \"x\""  },
        {"train.stages = [{}, {lr = -1}]",
         "x.toml:1:27: lr of stage 2 of train.stages must be a number from 0 to 1, not -1"     },
        {"train.lr = [{lr = 1}]",
         "x.toml:1:12: train.lr must be a number from 0 to 1, not an array of tables"          },
        {"train.stages = [{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]",
         "x.toml:1:16: train.stages has 17 stages, 16 are the most"                            },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct errmsg em = {0};
        struct config c = merged(two_stages), before = c;
        assert_status(config_merge_text(&c, bad[i].text, "x.toml", &em), ST_CONFIG);
        assert_string_equal(em.text, bad[i].message);
        assert_memory_equal(&c, &before, sizeof c);
    }
    struct errmsg em = {0};
    struct config c = merged("");
    assert_status(config_merge_assignment(&c, "train.stages=[{lr=2}]", &em), ST_CONFIG);
    assert_string_equal(em.text, "--set train.stages=[{lr=2}]: lr of stage 1 of train.stages must "
                                 "be a number from 0 to 1, not 2");
}

static void assert_check(const char *stages, int world_size, enum status wanted, const char *part)
{
    struct errmsg em = {0};
    struct config c = merged(stages), before = c;
    assert_status(config_check(&c, world_size, &em), wanted);
    assert_text_has(em.text, part);
    assert_memory_equal(&c, &before, sizeof c);
}

static void every_stage_is_checked(void **state)
{
    (void)state;
    assert_check("train.stages = [{image_size = 128}, {image_size = 128, lr = 1e-5}, "
                 "{image_size = 512}]",
                 8, ST_OK, "");
    assert_check("train.stages = [{image_size = 64}, {image_size = 96}]", 1, ST_CONFIG,
                 "stage 2 of train.stages: model.image_size = 96 cannot be halved to");
    assert_check("train.stages = [{image_size = 256}, {}]", 1, ST_CONFIG,
                 "stage 2 of train.stages: image_size = 128 is less than the 256 of the stage "
                 "before");
    assert_check("model.width = 16\ntrain.stages = [{image_size = 128}, {image_size = 512}]", 1,
                 ST_CONFIG,
                 "stage 2 of train.stages: pictures of 128 px cannot grow to 512 px: that takes 8 "
                 "channels at 256 px");
    assert_check("model.width = 16\ntrain.stages = [{image_size = 512}]", 1, ST_OK, "");
    assert_check("train.stages = [{}, {global_batch = 4}]", 8, ST_CONFIG,
                 "stage 2 of train.stages: train.global_batch = 4 is smaller than the 8 ranks");
    assert_check("train.global_batch = 4\ntrain.stages = [{global_batch = 8}]", 8, ST_OK, "");
}

/* Stages that have been trained need not fit the ranks there are now. */
static void ranks_matter_to_stages_to_come(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct config c = merged("train.stages = [{global_batch = 4}, {global_batch = 16}]");
    assert_ok(config_check(&c, 8, &em));
    assert_ok(config_check_ranks(&c, 1, 8, &em));
    assert_ok(config_check_ranks(&c, 0, 4, &em));
    assert_status(config_check_ranks(&c, 0, 8, &em), ST_CONFIG);
    assert_text_has(em.text, "stage 1 of train.stages: train.global_batch = 4 is smaller than");
    config_enter_stage(&c, 1);
    em = (struct errmsg){0};
    assert_ok(config_check_ranks(&c, 1, 16, &em));
    assert_status(config_check_ranks(&c, 1, 17, &em), ST_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stage_says_what_stands_in_the_keys),
        cmocka_unit_test(without_stages_there_is_one),
        cmocka_unit_test(the_largest_of_all_stages),
        cmocka_unit_test(what_is_printed_gives_the_same),
        cmocka_unit_test(differences_show),
        cmocka_unit_test(bad_lists_are_refused_with_their_place),
        cmocka_unit_test(every_stage_is_checked),
        cmocka_unit_test(ranks_matter_to_stages_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
