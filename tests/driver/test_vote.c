/* What ranks tell each other, under mpirun. */
#include "vote.h"

#include "ranks.h"
#include "testing.h"

static struct comm *world;
static struct errmsg em;

static struct model_losses losses_of(double x)
{
    struct model_losses l = {.total = x};
    for (int i = 0; i < MODEL_PEOPLE * MODEL_LOSSES; i++)
        (&l.term[0][0])[i] = x * (i + 2);
    return l;
}

static void flags_of_any_rank_reach_all(void **state)
{
    (void)state;
    struct vote v;
    vote_init(&v, 1, 0);
    vote_set_flags(&v, comm_rank(world) == comm_world_size(world) - 1 ? 2 : 0);
    assert_ok(vote_take(world, ST_OK, &v, &em));
    assert_int_equal(vote_flags(&v), 2);
    vote_release(&v);
}

static void vote_add_own(struct vote *v, size_t unit, const struct model_losses *l)
{
    vote_add_losses(v, unit, l);
    vote_own(v, unit)[0] += l->total;
}

/* 0.1 + 0.2 + … depends on the order: units keep one, whichever rank has which. */
static void losses_add_up_unit_by_unit(void **state)
{
    (void)state;
    enum { UNITS = 7 };
    struct vote v;
    struct model_losses want = {0}, got;
    size_t first, mine;
    vote_init(&v, UNITS, 1);
    comm_shard(UNITS, comm_world_size(world), comm_rank(world), &first, &mine);
    for (size_t unit = 0; unit < UNITS; unit++) {
        struct model_losses l = losses_of(0.1 * (double)(unit + 1));
        want.total += l.total;
        for (int i = 0; i < MODEL_PEOPLE * MODEL_LOSSES; i++)
            (&want.term[0][0])[i] += (&l.term[0][0])[i];
        if (unit >= first && unit < first + mine)
            vote_add_own(&v, unit, &l);
    }
    assert_ok(vote_take(world, ST_OK, &v, &em));
    got = vote_losses(&v);
    assert_memory_equal(&got, &want, sizeof want);
    double own;
    vote_own_sums(&v, &own);
    assert_true(own == want.total);
    vote_release(&v);
}

static void a_failure_is_everyones(void **state)
{
    (void)state;
    struct vote v;
    struct errmsg told = {0};
    int last = comm_world_size(world) - 1;
    vote_init(&v, 1, 0);
    enum status local = comm_rank(world) == last ? FAIL(&told, ST_IO, "no cheese") : ST_OK;
    assert_int_equal(vote_take(world, local, &v, &told), ST_IO);
    assert_text_has(told.text, "no cheese");
    assert_int_equal(told.rank, last);
    vote_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_of_any_rank_reach_all),
        cmocka_unit_test(losses_add_up_unit_by_unit),
        cmocka_unit_test(a_failure_is_everyones),
    };
    struct comm_options options = {.backend = COMM_MPI}; /* of one rank, too */
    return RUN_ON_RANKS(tests, &options, &world);
}
