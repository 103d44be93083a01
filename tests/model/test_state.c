/* The flat arrays divided, moved and compared. */
#include "fixture.h"

static struct errmsg em;
static struct pictures pictures;

static void step(struct model *m, int64_t number)
{
    struct batch b = part_of(&pictures, 0, 2);
    struct model_losses l;
    assert_ok(model_zero_gradients(m, &em));
    assert_ok(model_backward(m, &b, 2, &l, &em));
    if (number > 0)
        assert_ok(model_update(m, &(struct model_step){.lr = 1e-3, .step = number}, &em));
}

static int draw(void **state)
{
    (void)state;
    draw_pictures(&pictures);
    return 0;
}

/* Each of the shards, by a model that keeps the moments of that shard alone, makes the whole. */
static void shards_make_the_whole(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    struct model *whole = model_make(&o);
    size_t count = model_flat(whole)->count, bound[] = {0, 1, count / 3 + 7, count};
    step(whole, 1);
    step(whole, 2);
    for (int i = 0; i < 3; i++) {
        struct model *m = model_make(&o);
        struct model_range shard = {bound[i], bound[i + 1] - bound[i]};
        step(m, 1);
        assert_ok(model_keep_moments(m, &shard, 1, &em)); /* those of step 1 stay */
        assert_null(model_flat(m)->exp_avg);
        step(m, 0);
        assert_ok(model_update_range(m, &(struct model_step){.lr = 1e-3, .step = 2}, shard, &em));
        const float *got = model_flat(m)->parameters, *want = model_flat(whole)->parameters;
        assert_memory_equal(got + shard.first, want + shard.first, shard.count * sizeof *got);
        for (int which = 0; which < model_moments(m); which++) {
            const struct model_flat *flat = model_flat(whole);
            const float *moment = which == MODEL_EXP_AVG ? flat->exp_avg : flat->exp_avg_sq;
            const float *staged = model_flat(m)->gradients;
            assert_ok(model_moment_to_scratch(m, (enum model_moment)which, shard, &em));
            assert_memory_equal(staged + shard.first, moment + shard.first,
                                shard.count * sizeof *staged);
        }
        assert_status(model_update_range(m, &(struct model_step){.lr = 1e-3, .step = 3},
                                         (struct model_range){0, count}, &em),
                      ST_TORCH); /* not kept */
        em = (struct errmsg){0};
        model_free(m);
    }
    model_free(whole);
}

static void all_moments_come_back(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    struct model *m = model_make(&o);
    struct model_range all = {0, model_flat(m)->count}, half = {0, all.count / 2};
    step(m, 1);
    assert_ok(model_keep_moments(m, &half, 1, &em));
    assert_ok(model_keep_moments(m, &all, 1, &em));
    float *moment = model_flat(m)->exp_avg, *staged = model_flat(m)->gradients;
    assert_non_null(moment);
    assert_true(moment[all.count - 1] == 0); /* was not kept */
    for (size_t i = 0; i < all.count; i++)
        staged[i] = (float)i;
    assert_ok(model_moment_from_scratch(m, MODEL_EXP_AVG, all, &em));
    assert_memory_equal(moment, staged, all.count * sizeof *moment);
    model_free(m);
}

/* No gradient, no step, no decay; the rest trains as it would. */
static void what_is_frozen_stays(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    struct model *plain = model_make(&o);
    o.frozen[MODEL_DECODER_A] = true;
    o.weight_decay = 0.5;
    struct model *m = model_make(&o), *start = model_make(&o);
    const struct model_tensor *tensors;
    size_t n = model_layout(m, &tensors), frozen = 0;
    step(plain, 0);
    step(m, 1);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = tensors[i].count * sizeof(float), at = tensors[i].offset;
        const float *gradient = (float *)model_flat(m)->gradients + at;
        bool is_frozen = strncmp(tensors[i].name, "decoder_a.", 10) == 0;
        assert_true(is_frozen == (memcmp((float *)model_flat(m)->parameters + at,
                                         (float *)model_flat(start)->parameters + at, bytes) == 0));
        if (!is_frozen)
            assert_memory_equal(gradient, (float *)model_flat(plain)->gradients + at, bytes);
        for (size_t k = 0; k < tensors[i].count && is_frozen; k++)
            assert_true(gradient[k] == 0);
        frozen += is_frozen;
    }
    assert_true(frozen > 0 && frozen < n);
    model_free(plain);
    model_free(start);
    model_free(m);
    o.frozen[MODEL_ENCODER] = o.frozen[MODEL_DECODER_B] = true;
    assert_status(model_new(&o, NULL, &m, &em), ST_CONFIG);
    em = (struct errmsg){0};
}

static void a_hash_tells_one_bit(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    struct model *m = model_make(&o), *same = model_make(&o);
    uint64_t *parameters = model_flat(m)->parameters, before, after;
    size_t last = model_flat(m)->count / 2 - 1; /* in pairs of elements */
    assert_ok(model_hash(m, &before, &em));
    assert_ok(model_hash(same, &after, &em));
    assert_int_equal(before, after);
    for (size_t i = 0; i <= last; i += last / 3) {
        parameters[i] ^= 1;
        assert_ok(model_hash(m, &after, &em));
        assert_int_not_equal(before, after);
        parameters[i] ^= 1;
    }
    assert_ok(model_hash(m, &after, &em));
    assert_int_equal(before, after);
    model_free(m);
    model_free(same);
}

/* A new person's decoder on a frozen encoder: swaps move from and to the mean codes of the people
 * at hand. They are averages, and no gradient of theirs reaches the encoder. */
static void mean_codes_train_beside_a_frozen_encoder(void **state)
{
    (void)state;
    struct model_options o = small_options(MODEL_FP32);
    o.config.mean_codes = true;
    o.frozen[MODEL_ENCODER] = true;
    struct model *m = model_make(&o), *start = model_make(&o);
    const struct model_tensor *tensors;
    size_t n = model_layout(m, &tensors), means = 0;
    step(m, 1);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = tensors[i].count * sizeof(float), at = tensors[i].offset;
        bool is_mean = strstr(tensors[i].name, "mean_code") != NULL;
        bool same = memcmp((float *)model_flat(m)->parameters + at,
                           (float *)model_flat(start)->parameters + at, bytes) == 0;
        if (is_mean || strncmp(tensors[i].name, "encoder.", 8) == 0)
            assert_true(same == !is_mean);
        means += is_mean;
    }
    assert_int_equal(means, MODEL_PEOPLE);
    model_free(start);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_make_the_whole),
        cmocka_unit_test(all_moments_come_back),
        cmocka_unit_test(what_is_frozen_stays),
        cmocka_unit_test(mean_codes_train_beside_a_frozen_encoder),
        cmocka_unit_test(a_hash_tells_one_bit),
    };
    return cmocka_run_group_tests(tests, draw, NULL);
}
