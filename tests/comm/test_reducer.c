/* The reducer under mpirun, without a model: a thread plays backward and is late at random. */
#include <math.h>
#include <pthread.h>
#include <time.h>

#include "base/philox.h"
#include "comm/reducer.h"
#include "ranks.h"
#include "testing.h"

enum { TENSORS = 9, STEPS = 3 };

static const size_t sizes[TENSORS] = {3, 4000, 64, 1, 9001, 128, 3000, 7, 512};
static struct comm *world;
static struct errmsg em;
static struct reducer_range tensors[TENSORS];
static size_t count;

static void lay_out(void)
{
    count = 0;
    for (size_t i = 0; i < TENSORS; i++) {
        tensors[i] = (struct reducer_range){count, sizes[i]};
        count += sizes[i];
    }
}

/* What rank r contributes to element i of a step: values whose sum depends on the order. */
static float value_at(int rank, int step, size_t i)
{
    struct philox p = philox_at(7, PHILOX_FAULT, (i * 8 + (size_t)rank) * 16 + (size_t)step);
    float x = philox_uniform(&p, -1.0f, 1.0f);
    return i % 3 == 0 ? x * 1e6f : x;
}

static float sum_at(int step, size_t i)
{
    float sum = value_at(0, step, i);
    for (int r = 1; r < comm_world_size(world); r++)
        sum += value_at(r, step, i);
    return sum;
}

/* A backward: tensors become final from the last to the first, some neighbours swapped. */
struct backward {
    struct reducer *reducer;
    float *gradients;
    int step;
    uint64_t delays; /* 0: none */
};

static void dawdle(struct philox *p)
{
    struct timespec t = {.tv_nsec = (long)philox_below(p, 400000)};
    nanosleep(&t, NULL);
}

static void *play_backward(void *arg)
{
    static const size_t order[TENSORS] = {8, 7, 5, 6, 4, 2, 3, 1, 0};
    struct backward *b = arg;
    struct philox p = philox_at(b->delays, PHILOX_FAULT, (uint64_t)comm_rank(world));
    for (size_t k = 0; k < TENSORS; k++) {
        struct reducer_range t = tensors[order[k]];
        if (b->delays)
            dawdle(&p);
        for (size_t i = t.first; i < t.first + t.count; i++)
            b->gradients[i] = value_at(comm_rank(world), b->step, i);
        reducer_ready(b->reducer, t.first, t.count);
    }
    return NULL;
}

static void run_backward(struct backward *b)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play_backward, b), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static struct reducer_options options_of(float *gradients)
{
    return (struct reducer_options){.comm = world,
                                    .gradients = gradients,
                                    .count = count,
                                    .dtype = COMM_F32,
                                    .tensors = tensors,
                                    .n_tensors = TENSORS};
}

static struct reducer *planned(const struct reducer_options *o)
{
    struct reducer *r;
    assert_ok(reducer_new(o, &r, &em));
    reducer_observe(r);
    run_backward(&(struct backward){.reducer = r, .gradients = o->gradients});
    assert_ok(reducer_plan(r, &em));
    return r;
}

static float *new_gradients(void)
{
    float *gradients = calloc(count, sizeof *gradients);
    assert_non_null(gradients);
    return gradients;
}

/* Runs a few steps and holds every sum against the one in rank order. */
static void check_sums(const struct reducer_options *o, uint64_t delays, bool armed)
{
    struct reducer *r = planned(o);
    float *gradients = o->gradients;
    for (int step = 0; step < STEPS; step++) {
        memset(gradients, 0, count * sizeof *gradients);
        struct backward b = {r, gradients, step, delays};
        if (armed)
            reducer_arm(r);
        run_backward(&b);
        assert_ok(reducer_flush(r, &em));
        assert_ok(reducer_wait(r, &em));
        for (size_t i = 0; i < count; i++) {
            float want = sum_at(step, i);
            assert_memory_equal(&gradients[i], &want, sizeof want);
        }
    }
    reducer_free(r);
}

static void buckets_and_overlap_change_no_bit(void **state)
{
    (void)state;
    static const size_t bucket_bytes[] = {0, 1, 20000, 1 << 30};
    float *gradients = new_gradients();
    for (size_t i = 0; i < sizeof bucket_bytes / sizeof *bucket_bytes; i++) {
        struct reducer_options o = options_of(gradients);
        o.bucket_bytes = bucket_bytes[i];
        check_sums(&o, 0, false);
        check_sums(&o, 0, true);
        check_sums(&o, 11 + i, true);
    }
    free(gradients);
}

/* Without samples, or after a failure, a rank has no hooks that could send. */
static void a_rank_without_a_backward_keeps_nobody_waiting(void **state)
{
    (void)state;
    float *gradients = new_gradients();
    struct reducer_options o = options_of(gradients);
    o.bucket_bytes = 20000;
    struct reducer *r = planned(&o);
    int idle = comm_world_size(world) - 1;
    memset(gradients, 0, count * sizeof *gradients);
    if (comm_rank(world) != idle) {
        reducer_arm(r);
        run_backward(&(struct backward){r, gradients, 1, 5});
    }
    assert_ok(reducer_flush(r, &em));
    assert_ok(reducer_wait(r, &em));
    for (size_t i = 0; i < count; i++) {
        float want = 0;
        for (int rank = 0; rank < idle; rank++)
            want += value_at(rank, 1, i);
        assert_memory_equal(&gradients[i], &want, sizeof want);
    }
    reducer_free(r);
    free(gradients);
}

/* Two micro-batches: nothing goes out in the first, whose gradients are not final. */
static void accumulation_sends_in_the_last_backward_only(void **state)
{
    (void)state;
    float *gradients = new_gradients();
    struct reducer_options o = options_of(gradients);
    o.bucket_bytes = 1;
    struct reducer *r = planned(&o);
    run_backward(&(struct backward){r, gradients, 0, 0});
    memset(gradients, 0, count * sizeof *gradients);
    reducer_arm(r);
    run_backward(&(struct backward){r, gradients, 1, 3});
    assert_ok(reducer_flush(r, &em));
    assert_ok(reducer_wait(r, &em));
    for (size_t i = 0; i < count; i++)
        assert_true(gradients[i] == sum_at(1, i));
    reducer_free(r);
    free(gradients);
}

static void a_plan_covers_everything_in_the_order_of_readiness(void **state)
{
    (void)state;
    static const size_t bucket_bytes[] = {0, 1, 20000};
    for (size_t k = 0; k < sizeof bucket_bytes / sizeof *bucket_bytes; k++) {
        float *gradients = new_gradients();
        struct reducer_options o = options_of(gradients);
        o.bucket_bytes = bucket_bytes[k];
        struct reducer *r = planned(&o);
        const struct reducer_range *buckets;
        size_t n = reducer_buckets(r, &buckets), covered = 0;
        for (size_t i = 0; i < n; i++)
            covered += buckets[i].count;
        assert_int_equal(covered, count);
        assert_int_equal(buckets[0].first + buckets[0].count, count); /* backward starts there */
        assert_int_equal(buckets[n - 1].first, 0);
        if (bucket_bytes[k] == 1) {
            assert_int_equal(n, TENSORS);
            assert_int_equal(buckets[2].first, tensors[5].first); /* 5 was ready before 6 */
        }
        if (comm_rank(world) == 0)
            assert_text_has(reducer_get_description(r), "bucket");
        reducer_free(r);
        free(gradients);
    }
}

/* Each rank's shards of every bucket, in whatever buckets, early or late, overlapped or not. */
static void shards_hold_the_sum(void **state)
{
    (void)state;
    static const size_t bucket_bytes[] = {0, 1, 20000, 1 << 30};
    float *gradients = new_gradients();
    for (size_t what = 0; what < 8; what++) {
        struct reducer_options o = options_of(gradients);
        o.bucket_bytes = bucket_bytes[what / 2];
        o.scatter = true;
        struct reducer *r = planned(&o);
        const struct reducer_range *buckets;
        size_t n = reducer_buckets(r, &buckets);
        if (what & 1)
            reducer_arm(r);
        run_backward(&(struct backward){r, gradients, 2, 9 + what});
        assert_ok(reducer_flush(r, &em));
        assert_ok(reducer_wait(r, &em));
        for (size_t k = 0; k < n; k++) {
            size_t first, mine;
            comm_shard(buckets[k].count, comm_world_size(world), comm_rank(world), &first, &mine);
            for (size_t i = buckets[k].first + first; i < buckets[k].first + first + mine; i++)
                assert_true(gradients[i] == sum_at(2, i));
        }
        reducer_free(r);
    }
    free(gradients);
}

/* Each value is rounded to 8 bits on its way out, the sum once more. */
static void bf16_on_the_wire_rounds_twice(void **state)
{
    (void)state;
    float *gradients = new_gradients();
    struct reducer_options o = options_of(gradients);
    o.wire = REDUCER_WIRE_BF16;
    o.bucket_bytes = 20000;
    struct reducer *r = planned(&o);
    reducer_arm(r);
    run_backward(&(struct backward){r, gradients, 1, 4});
    assert_ok(reducer_flush(r, &em));
    assert_ok(reducer_wait(r, &em));
    bool rounded = false;
    for (size_t i = 0; i < count; i++) {
        double size = 0, want = sum_at(1, i);
        for (int rank = 0; rank < comm_world_size(world); rank++)
            size += fabs((double)value_at(rank, 1, i));
        assert_true(fabs((double)gradients[i] - want) <= size / 128);
        rounded = rounded || (double)gradients[i] != want;
    }
    assert_true(rounded);
    reducer_free(r);

    o.dtype = COMM_F64;
    assert_status(reducer_new(&o, &r, &em), ST_CONFIG);
    em = (struct errmsg){0};
    free(gradients);
}

/* One rank of another size, of other tensors, of another wire: an error, never a wrong sum. */
static void a_rank_that_differs_is_named(void **state)
{
    (void)state;
    int last = comm_world_size(world) - 1;
    if (last == 0)
        skip();
    char name[32];
    snprintf(name, sizeof name, "rank %d", last);
    for (int what = 0; what < 3; what++) {
        float *gradients = new_gradients();
        struct reducer_range own[TENSORS];
        struct reducer_options o = options_of(gradients);
        struct errmsg told = {0};
        struct reducer *r;
        memcpy(own, tensors, sizeof own);
        o.tensors = own;
        o.bucket_bytes = 1;
        if (comm_rank(world) == last && what == 0)
            o.count--, own[TENSORS - 1].count--;
        if (comm_rank(world) == last && what == 1)
            own[5].first++, own[4].count++, own[5].count--;
        if (comm_rank(world) == last && what == 2)
            o.wire = REDUCER_WIRE_BF16;
        assert_ok(reducer_new(&o, &r, &em));
        assert_int_equal(reducer_plan(r, &told), ST_INTERNAL);
        assert_text_has(told.text, name);
        if (what == 1)
            assert_text_has(told.text, "bucket 4 of 9"); /* nothing observed: last tensor first */
        reducer_free(r);
        free(gradients);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_and_overlap_change_no_bit),
        cmocka_unit_test(a_rank_without_a_backward_keeps_nobody_waiting),
        cmocka_unit_test(accumulation_sends_in_the_last_backward_only),
        cmocka_unit_test(a_plan_covers_everything_in_the_order_of_readiness),
        cmocka_unit_test(shards_hold_the_sum),
        cmocka_unit_test(bf16_on_the_wire_rounds_twice),
        cmocka_unit_test(a_rank_that_differs_is_named),
    };
    struct comm_options options = {.backend = COMM_MPI}; /* of one rank, too */
    lay_out();
    return RUN_ON_RANKS(tests, &options, &world);
}
