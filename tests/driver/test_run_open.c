/* What is opened for a whole run, under mpirun: rank 0 measures the sets for all. */
#include "colours.h"
#include "ranks.h"
#include "run_open.h"
#include "small_sets.h"

static struct comm *world;
static struct small_sets small; /* each rank has its own */
static int measured;
static bool fails;

enum status __real_colours_measure(struct set *set, const struct order *order, bool masks,
                                   enum augment_space space, struct augment_colours *out,
                                   struct errmsg *em);
enum status __wrap_colours_measure(struct set *set, const struct order *order, bool masks,
                                   enum augment_space space, struct augment_colours *out,
                                   struct errmsg *em);

enum status __wrap_colours_measure(struct set *set, const struct order *order, bool masks,
                                   enum augment_space space, struct augment_colours *out,
                                   struct errmsg *em)
{
    measured++;
    return fails ? FAIL(em, ST_DATA, "row 3 is damaged")
                 : __real_colours_measure(set, order, masks, space, out, em);
}

static enum status open_run(struct run *run, struct errmsg *em)
{
    char keys[2 * PATH_BYTES_MAX + 128];
    *run = (struct run){.comm = world};
    snprintf(keys, sizeof keys,
             "data.a = '%s'\ndata.b = '%s'\nmodel.image_size = 64\ntrain.threads = 1\n"
             "train.global_batch = 2\n",
             small.paths[0], small.paths[1]);
    config_init(&run->config);
    assert_int_equal(config_merge_text(&run->config, keys, "keys", em), ST_OK);
    measured = 0;
    return run_open(run, em);
}

static void rank_0_measures_for_all(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct run run;
    assert_ok(open_run(&run, &em));
    assert_int_equal(measured, comm_rank(world) == 0 ? 2 : 0);
    for (int p = 0; p < 2; p++) {
        struct augment_colours own;
        assert_ok(__real_colours_measure(run.sets[p], run.orders[p], true, AUGMENT_RGB, &own, &em));
        assert_memory_equal(&run.measures.colours[p], &own, sizeof own);
    }
    run_close(&run);
}

static void a_failure_of_rank_0_is_every_rank_s(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct run run;
    fails = comm_rank(world) == 0;
    assert_status(open_run(&run, &em), ST_DATA);
    assert_text_has(em.text, "row 3 is damaged");
    run_close(&run);
    fails = false;
}

static void other_masks_on_a_node_are_refused(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct run run;
    uint8_t mask[SMALL_PIXELS];
    memset(mask, small_mask(SMALL_N - 1), sizeof mask);
    if (comm_rank(world) == 1)
        change_bytes(small.paths[0], mask, sizeof mask);
    enum status st = open_run(&run, &em);
    assert_int_equal(st, comm_world_size(world) == 1 ? ST_OK : ST_DATA);
    if (st != ST_OK)
        assert_text_has(em.text, "0.h5 on node ");
    run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_0_measures_for_all),
        cmocka_unit_test(a_failure_of_rank_0_is_every_rank_s),
        cmocka_unit_test(other_masks_on_a_node_are_refused), /* the last: it spoils a set */
    };
    const struct comm_options options = {.backend = COMM_MPI}; /* of one rank, too */
    small_sets_init(&small);
    int failed = RUN_ON_RANKS(tests, &options, &world);
    small_sets_release(&small);
    return failed;
}
