/* The list of layers: what it adds up to, how it hangs together, what cannot be. */
#include <string.h>

#include "model/architecture.h"
#include "testing.h"

static struct errmsg em;

static struct architecture *make(struct model_config c)
{
    struct architecture *a = NULL;
    em = (struct errmsg){0};
    assert_ok(architecture_new(&c, &a, &em));
    return a;
}

static const struct model_tensor *find(const struct architecture *a, const char *name)
{
    for (size_t i = 0; i < a->n_tensors; i++)
        if (strcmp(a->tensors[i].name, name) == 0)
            return &a->tensors[i];
    return NULL;
}

static void zeros_stand_for_the_light_model(void **state)
{
    (void)state;
    struct architecture *a = make((struct model_config){0});
    assert_int_equal(a->config.image_size, 128);
    assert_int_equal(a->count, 6696134);
    assert_int_equal(a->part_count[MODEL_ENCODER], 2232128);
    assert_int_equal(a->part_count[MODEL_DECODER_A], 2232003);
    assert_int_equal(a->part_count[MODEL_DECODER_B], 2232003);
    assert_int_equal(a->n_tensors, 30);
    assert_string_equal(a->tensors[0].name, "encoder.r128.weight");
    assert_string_equal(a->tensors[29].name, "decoder_b.r128.bias");
    double macs = 0;
    for (size_t i = a->first_layer[MODEL_ENCODER]; i < a->first_layer[MODEL_DECODER_A]; i++)
        macs += layer_macs(&a->layers[i]);
    const double by_hand = 16.0 * (4096 * 3 * 64 + 1024 * 64 * 128 + 256 * 128 * 256 +
                                   64 * 256 * 256 + 16 * 256 * 128);
    assert_true(macs == by_hand);
    assert_true(layer_activations(&a->layers[0]) == 64.0 * 64 * 64);
    architecture_free(a);
}

static const struct model_config all_options = {.image_size = 192,
                                                .code_size = 6,
                                                .latent = 24,
                                                .bottleneck = MODEL_BOTTLENECK_DENSE,
                                                .width = 24,
                                                .width_max = 56,
                                                .blocks = 2,
                                                .upsample = MODEL_UPSAMPLE_SUBPIXEL,
                                                .norm = MODEL_NORM_GROUP,
                                                .mask = 1,
                                                .mean_codes = 1,
                                                .pose = MODEL_POSE_PREDICTED};

/* Each layer takes what the one before it gives; heads give to nobody. */
static void layers_fit_together(void **state)
{
    (void)state;
    struct architecture *a = make(all_options);
    for (int part = 0; part < MODEL_POSE; part++) {
        int channels = part == MODEL_ENCODER ? 3 : 24, size = part == MODEL_ENCODER ? 192 : 1;
        int pictures = 0, masks = 0, kept = 0;
        for (size_t i = a->first_layer[part]; i < a->first_layer[part + 1]; i++) {
            const struct architecture_layer *l = &a->layers[i];
            assert_int_equal(l->part, part);
            assert_int_equal(l->n_in, channels);
            assert_int_equal(l->size_in, size);
            kept += l->residual == LAYER_KEEPS_INPUT ? 1 : l->residual == LAYER_ADDS_KEPT ? -1 : 0;
            assert_in_range(kept, 0, 1);
            pictures += l->output == LAYER_TO_PICTURE;
            masks += l->output == LAYER_TO_MASK;
            if (l->output == LAYER_TO_NEXT) {
                channels = l->n_out;
                size = l->size_out;
            } else {
                assert_int_equal(l->size_out, 192);
                assert_int_equal(l->n_out, l->output == LAYER_TO_PICTURE ? 3 : 1);
            }
            if (l->kind == LAYER_GROUP_NORM)
                assert_int_equal(l->n_in % l->groups, 0);
        }
        assert_int_equal(kept, 0);
        assert_int_equal(pictures, part != MODEL_ENCODER);
        assert_int_equal(masks, part != MODEL_ENCODER);
    }
    const struct architecture_layer *pose = &a->layers[a->first_layer[MODEL_POSE]];
    assert_int_equal(a->n_layers - a->first_layer[MODEL_POSE], 2);
    assert_int_equal(pose[POSE_TO_CODE].n_in, 140);
    assert_int_equal(pose[POSE_TO_CODE].n_out, 24);
    assert_int_equal(pose[POSE_FROM_CODE].n_in, 24);
    assert_int_equal(pose[POSE_FROM_CODE].n_out, 140);
    architecture_free(a);
}

static void tensors_lie_end_to_end(void **state)
{
    (void)state;
    struct architecture *a = make(all_options);
    size_t next = 0, parameters = 0;
    for (size_t i = 0; i < a->n_tensors; i++) {
        size_t count = 1;
        for (int d = 0; d < a->tensors[i].n_dims; d++)
            count *= (size_t)a->tensors[i].dims[d];
        assert_int_equal(a->tensors[i].offset, next);
        assert_int_equal(a->tensors[i].count, count);
        next += count;
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(a->tensors[i].name, a->tensors[j].name);
    }
    for (size_t i = 0; i < a->n_layers; i++)
        parameters += layer_parameters(&a->layers[i]);
    for (int who = 0; who < 2; who++)
        parameters += a->mean_codes[who].count + a->pose_scale[who].count;
    assert_int_equal(next, a->count);
    assert_int_equal(parameters, a->count);
    for (int part = 0; part < MODEL_PARTS; part++)
        parameters -= a->part_count[part];
    assert_int_equal(parameters, 0);
    architecture_free(a);
}

static void larger_pictures_add_names_and_rename_none(void **state)
{
    (void)state;
    const struct model_config small = {.image_size = 128, .blocks = 1, .mask = 1};
    struct model_config large = small;
    large.image_size = 512;
    struct architecture *a = make(small), *b = make(large);
    for (size_t i = 0; i < a->n_tensors; i++) {
        const struct model_tensor *t = &a->tensors[i], *now = find(b, t->name);
        bool outermost = strstr(t->name, ".r128.") || strstr(t->name, ".m128.");
        if (strstr(t->name, ".m128."))
            continue; /* the mask is as large as the picture */
        assert_non_null(now);
        assert_true(outermost || memcmp(now->dims, t->dims, sizeof t->dims) == 0);
    }
    assert_true(b->n_tensors > a->n_tensors);
    architecture_free(a);
    architecture_free(b);
}

static void channels_follow_the_resolution(void **state)
{
    (void)state;
    const struct model_config c = {.width = 96, .width_max = 500};
    static const int at[][2] = {
        {512, 12 },
        {128, 48 },
        {64,  96 },
        {48,  96 },
        {32,  192},
        {16,  384},
        {8,   500},
        {4,   500}
    };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        assert_int_equal(architecture_channels(&c, at[i][0]), at[i][1]);
}

static void what_cannot_be_is_refused_by_key(void **state)
{
    (void)state;
    static const struct {
        struct model_config config;
        const char *says;
    } cases[] = {
        {{.image_size = 100},                 "model.image_size = 100 cannot be halved to"             },
        {{.image_size = 100},                 "set it to 64, 128, 256 or 512"                          },
        {{.image_size = 128, .code_size = 6}, "set it to 96, 192 or 384"                               },
        {{.image_size = 64, .code_size = 64}, "set it to 128, 256 or 512"                              },
        {{.image_size = 1024},                "model.image_size = 1024: from 64 to 512 is possible"    },
        {{.code_size = 1},                    "model.code_size = 1: from 2 to 64"                      },
        {{.latent = 5000},                    "model.latent = 5000: from 8 to 4096"                    },
        {{.latent = 7},                       "model.latent = 7: from 8 to 4096"                       },
        {{.latent = -1},                      "model.latent = -1"                                      },
        {{.width = 4},                        "model.width = 4: from 8 to 1024"                        },
        {{.width_max = 9999},                 "model.width_max = 9999"                                 },
        {{.blocks = 9},                       "model.blocks = 9: from 0 to 8"                          },
        {{.upsample = 99},                    "model.upsample"                                         },
        {{.norm = MODEL_NORM_GROUP},          "set model.blocks to 1 or more, or model.norm = \"none\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct architecture *a = NULL;
        em = (struct errmsg){0};
        assert_status(architecture_new(&cases[i].config, &a, &em), ST_CONFIG);
        assert_text_has(em.text, cases[i].says);
        assert_null(a);
    }
}

static void differences_are_named(void **state)
{
    (void)state;
    char text[64];
    struct model_config a = {.image_size = 128}, b = {0};
    assert_true(architecture_same(&a, &b, text, sizeof text));
    b.upsample = MODEL_UPSAMPLE_SUBPIXEL;
    assert_false(architecture_same(&a, &b, text, sizeof text));
    assert_string_equal(text, "upsample: transposed -> subpixel");
    b = (struct model_config){.width = 96};
    assert_false(architecture_same(&a, &b, text, sizeof text));
    assert_string_equal(text, "width: 64 -> 96");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_stand_for_the_light_model),
        cmocka_unit_test(layers_fit_together),
        cmocka_unit_test(tensors_lie_end_to_end),
        cmocka_unit_test(larger_pictures_add_names_and_rename_none),
        cmocka_unit_test(channels_follow_the_resolution),
        cmocka_unit_test(what_cannot_be_is_refused_by_key),
        cmocka_unit_test(differences_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
