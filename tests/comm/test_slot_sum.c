/* The tree over slots under mpirun: the same bits on any number of ranks. */
#include "comm/slot_sum.h"

#include "base/philox.h"
#include "ranks.h"
#include "testing.h"

enum { STEPS = 2, SLOTS_MAX = 16 };

static struct comm *world;
static struct errmsg em;

/* Element i of a slot's gradient: values whose sum depends on the order. */
static float value_at(size_t slot, int step, size_t i)
{
    struct philox p = philox_at(3, PHILOX_FAULT, (i * SLOTS_MAX + slot) * STEPS + (size_t)step);
    float x = philox_uniform(&p, -1.0f, 1.0f);
    return slot % 3 == 0 ? x * 1e4f : x;
}

/* Level by level, neighbours in pairs; one that is left over goes up as it is. */
static float sum_at(size_t n_slots, int step, size_t i)
{
    float level[SLOTS_MAX];
    for (size_t slot = 0; slot < n_slots; slot++)
        level[slot] = value_at(slot, step, i);
    for (size_t n = n_slots; n > 1; n = (n + 1) / 2)
        for (size_t k = 0; k < (n + 1) / 2; k++)
            level[k] = 2 * k + 1 < n ? level[2 * k] + level[2 * k + 1] : level[2 * k];
    return level[0];
}

static void check_tree(size_t n_slots, size_t count)
{
    float *gradients = calloc(count, sizeof *gradients);
    struct slot_sum *sum;
    size_t first, mine;
    assert_non_null(gradients);
    assert_ok(slot_sum_new(world, gradients, count, n_slots, &sum, &em));
    comm_shard(n_slots, comm_world_size(world), comm_rank(world), &first, &mine);
    for (int step = 0; step < STEPS; step++) {
        for (size_t slot = first; slot < first + mine; slot++) {
            for (size_t i = 0; i < count; i++)
                gradients[i] = value_at(slot, step, i);
            slot_sum_add(sum);
        }
        assert_ok(slot_sum_finish(sum, &em));
        for (size_t i = 0; i < count; i += 1 + count / 1000) {
            float want = sum_at(n_slots, step, i);
            assert_memory_equal(&gradients[i], &want, sizeof want);
        }
    }
    slot_sum_free(sum);
    free(gradients);
}

static void the_tree_is_the_same_on_any_number_of_ranks(void **state)
{
    (void)state;
    for (size_t n_slots = 1; n_slots <= SLOTS_MAX; n_slots++)
        check_tree(n_slots, 61);
}

static void large_gradients_are_exchanged_in_pieces(void **state)
{
    (void)state;
    check_tree(5, 700001);
}

/* The slots it did not reach are missing, its part in the collective is not; the next step is
 * sound. */
static void a_rank_that_failed_takes_part(void **state)
{
    (void)state;
    enum { COUNT = 10, SLOTS = 8 };
    float gradients[COUNT];
    struct slot_sum *sum;
    size_t first, mine;
    assert_ok(slot_sum_new(world, gradients, COUNT, SLOTS, &sum, &em));
    comm_shard(SLOTS, comm_world_size(world), comm_rank(world), &first, &mine);
    for (int step = 0; step < STEPS; step++) {
        bool fails = step == 0 && comm_rank(world) == comm_world_size(world) - 1;
        for (size_t slot = first; slot < first + (fails ? 1 : mine); slot++) {
            for (size_t i = 0; i < COUNT; i++)
                gradients[i] = value_at(slot, step, i);
            slot_sum_add(sum);
        }
        assert_ok(slot_sum_finish(sum, &em));
    }
    for (size_t i = 0; i < COUNT; i++)
        assert_true(gradients[i] == sum_at(SLOTS, STEPS - 1, i));
    slot_sum_free(sum);
}

static void its_cost_is_told(void **state)
{
    (void)state;
    float gradients[4] = {0};
    struct slot_sum *sum;
    char text[160];
    assert_ok(slot_sum_new(world, gradients, 4, 6, &sum, &em));
    slot_sum_describe(sum, text, sizeof text);
    assert_text_has(text, "6 slots");
    slot_sum_free(sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tree_is_the_same_on_any_number_of_ranks),
        cmocka_unit_test(large_gradients_are_exchanged_in_pieces),
        cmocka_unit_test(a_rank_that_failed_takes_part),
        cmocka_unit_test(its_cost_is_told),
    };
    struct comm_options options = {.backend = COMM_MPI}; /* of one rank, too */
    return RUN_ON_RANKS(tests, &options, &world);
}
