/* The norm of the gradient, whole on every rank or in shards (train.zero), under mpirun. */
#include "norm.h"

#include <math.h>

#include "base/philox.h"
#include "ranks.h"
#include "testing.h"
#include "zero.h"

enum { BUCKET_SIZES = 3 };
static const size_t bucket_bytes[BUCKET_SIZES] = {1, 50000, 1 << 30}; /* a tensor each, some, one */

static struct comm *world;
static struct errmsg em;
static struct run run;
static struct stage stage;
static float *whole; /* the gradient; the flat one may hold a shard of it only */

static size_t count(void)
{
    return model_flat(stage.model)->count;
}

static int setup(void **state)
{
    (void)state;
    const struct model_options options = {
        .config = {.image_size = 64, .latent = 8, .width = 8},
        .device = "cpu",
        .loss_weight = {1     },
        .adam_beta1 = 0.9,
        .adam_beta2 = 0.999,
        .adam_eps = 1e-8,
    };
    run = (struct run){.comm = world};
    stage = (struct stage){.run = &run, .comm = world};
    assert_ok(model_new(&options, NULL, &stage.model, &em));
    whole = calloc(count(), sizeof *whole);
    assert_non_null(whole);
    assert_true(count() > 20 * MODEL_CHUNK && count() % MODEL_CHUNK != 0);
    struct philox random = philox_at(3, PHILOX_FAULT, 1);
    for (size_t i = 0; i < count(); i++)
        whole[i] = philox_uniform(&random, -1.0f, 1.0f) * (i % 7 == 0 ? 1e3f : 1e-3f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    model_free(stage.model);
    free(whole);
    return 0;
}

/* A reducer with its plan, which takes the gradient's place while it measures the link. */
static void plan_buckets(size_t bytes)
{
    const struct model_tensor *tensors;
    size_t n = model_layout(stage.model, &tensors);
    struct reducer_range *ranges = calloc(n, sizeof *ranges);
    assert_non_null(ranges);
    for (size_t i = 0; i < n; i++)
        ranges[i] = (struct reducer_range){tensors[i].offset, tensors[i].count};
    const struct reducer_options options = {
        .comm = world,
        .gradients = model_flat(stage.model)->gradients,
        .count = count(),
        .dtype = COMM_F32,
        .tensors = ranges,
        .n_tensors = n,
        .bucket_bytes = bytes,
        .scatter = zero_is_on(&stage),
    };
    assert_ok(reducer_new(&options, &stage.reducer, &em));
    reducer_observe(stage.reducer);
    for (size_t i = n; i-- > 0;)
        reducer_ready(stage.reducer, ranges[i].first, ranges[i].count);
    assert_ok(reducer_plan(stage.reducer, &em));
    free(ranges);
}

/* Fills the flat gradient: all of it, or this rank's shards, with NaN wherever another rank's are.
 */
static void fill(bool shards)
{
    float *gradient = model_flat(stage.model)->gradients;
    const struct reducer_range *buckets;
    size_t n = reducer_buckets(stage.reducer, &buckets), first, of_shard;
    for (size_t i = 0; i < count(); i++)
        gradient[i] = shards ? NAN : whole[i];
    for (size_t b = 0; b < n && shards; b++) {
        comm_shard(buckets[b].count, comm_world_size(world), comm_rank(world), &first, &of_shard);
        first += buckets[b].first;
        memcpy(gradient + first, whole + first, of_shard * sizeof *whole);
    }
}

static double measured(int64_t zero, size_t bytes)
{
    struct norm *n = NULL;
    double norm = NAN;
    run.config.train.zero = zero;
    plan_buckets(bytes);
    assert_ok(norm_new(&stage, &n, &em));
    fill(zero_is_on(&stage));
    assert_ok(norm_measure(&stage, n, &norm, &em));
    double once = norm;
    assert_ok(norm_measure(&stage, n, &norm, &em)); /* nothing is left of the step before */
    assert_true(isnan(norm) ? isnan(once) : norm == once);
    norm_free(n);
    reducer_free(stage.reducer);
    return norm;
}

static void the_norm_is_that_of_all_elements(void **state)
{
    (void)state;
    long double sum = 0;
    for (size_t i = 0; i < count(); i++)
        sum += (long double)whole[i] * (long double)whole[i];
    double wanted = sqrt((double)sum);
    assert_near(measured(0, bucket_bytes[1]), wanted, wanted * 1e-12);
}

/* Not a bit differs, wherever shards cut the chunks whose squares are summed. */
static void shards_give_the_same_bits(void **state)
{
    (void)state;
    double plain = measured(0, bucket_bytes[0]);
    for (int i = 0; i < BUCKET_SIZES; i++)
        assert_true(measured(1, bucket_bytes[i]) == plain);
}

/* The first element, the last one, and one of each rank's: wherever it is, every rank learns of it.
 */
static void an_element_that_is_not_finite_shows_on_all_ranks(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        size_t at = (count() - 1) * k / 3;
        float before = whole[at];
        whole[at] = k % 2 ? NAN : INFINITY;
        assert_true(!isfinite(measured(0, bucket_bytes[1])));
        assert_true(!isfinite(measured(1, bucket_bytes[1])));
        whole[at] = before;
    }
    assert_true(isfinite(measured(1, bucket_bytes[1])) != 0);
}

static void clipping_shortens_and_never_lengthens(void **state)
{
    (void)state;
    assert_true(norm_clip_factor(0.5, 1) == 1);
    assert_near(4 * norm_clip_factor(4, 1), 1, 1e-6);
    assert_near(4 * norm_clip_factor(4, 2), 2, 1e-6);
    assert_true(norm_clip_factor(4, 0) == 1); /* no limit */
    assert_true(norm_clip_factor(0, 1) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_norm_is_that_of_all_elements),
        cmocka_unit_test(shards_give_the_same_bits),
        cmocka_unit_test(an_element_that_is_not_finite_shows_on_all_ranks),
        cmocka_unit_test(clipping_shortens_and_never_lengthens),
    };
    struct comm_options options = {.backend = COMM_MPI}; /* of one rank, too */
    return RUN_ON_RANKS_WITH(tests, &options, &world, setup, teardown);
}
