/* A rank whose parameters have come to differ is named, under mpirun. */
#include "replica.h"

#include "ranks.h"
#include "testing.h"

static struct comm *world;
static struct errmsg em;

static void equal_ranks_pass(void **state)
{
    (void)state;
    assert_ok(replica_compare(world, 77, 5, &em));
}

static void one_that_differs_from_a_majority_is_named(void **state)
{
    (void)state;
    int ranks = comm_world_size(world);
    for (int bad = 0; bad < ranks && ranks > 2; bad++) {
        struct errmsg told = {0};
        char name[64];
        snprintf(name, sizeof name, "after step 5 the parameters of rank %d differ", bad);
        uint64_t hash = comm_rank(world) == bad ? 1 : 2;
        assert_int_equal(replica_compare(world, hash, 5, &told), ST_DIVERGED);
        assert_text_has(told.text, name);
    }
}

static void without_a_majority_nobody_is_blamed(void **state)
{
    (void)state;
    struct errmsg told = {0};
    uint64_t hash = (uint64_t)comm_rank(world) + 10;
    enum status st = replica_compare(world, hash, 5, &told);
    if (comm_world_size(world) == 1)
        return;
    assert_int_equal(st, ST_DIVERGED);
    assert_text_has(told.text, "no majority");
    assert_text_has(told.text, "rank 0 (000000000000000a)");
}

/* One bit of one parameter, far from the beginning. */
static void a_flipped_bit_shows(void **state)
{
    (void)state;
    const struct model_options options = {
        .config = {.image_size = 64, .latent = 16},
        .device = "cpu",
        .loss_weight = {1               },
        .adam_beta1 = 0.9,
        .adam_beta2 = 0.999,
        .adam_eps = 1e-8,
    };
    struct session s = {.run.comm = world, .state.step = 9};
    struct errmsg told = {0};
    assert_ok(model_new(&options, NULL, &s.stage.model, &em));
    assert_ok(replica_check(&s, &em));
    const struct model_flat *flat = model_flat(s.stage.model);
    if (comm_rank(world) == 1)
        ((unsigned char *)flat->parameters)[(flat->count - 5) * sizeof(float)] ^= 1;
    enum status st = replica_check(&s, &told);
    assert_int_equal(st, comm_world_size(world) == 1 ? ST_OK : ST_DIVERGED);
    if (comm_world_size(world) > 2)
        assert_text_has(told.text, "after step 9 the parameters of rank 1 differ");
    model_free(s.stage.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_ranks_pass),
        cmocka_unit_test(one_that_differs_from_a_majority_is_named),
        cmocka_unit_test(without_a_majority_nobody_is_blamed),
        cmocka_unit_test(a_flipped_bit_shows),
    };
    struct comm_options options = {.backend = COMM_MPI}; /* of one rank, too */
    return RUN_ON_RANKS(tests, &options, &world);
}
