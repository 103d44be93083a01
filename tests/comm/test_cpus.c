/* Which ranks of a host run on the same CPUs. */
#include <sched.h>

#include "base/checked.h"
#include "comm/comm.h"
#include "ranks.h"
#include "testing.h"

static struct comm *world;

/* The number of the n-th CPU this process may use; -1: it has fewer. */
static int nth_cpu(int n)
{
    static cpu_set_t allowed; /* before anything is bound */
    static bool asked;
    if (!asked)
        assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    asked = true;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && n-- == 0)
            return (int)cpu;
    return -1;
}

static void bind_to(int first, int second)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)first, &set);
    CPU_SET((size_t)second, &set);
    assert_int_equal(sched_setaffinity(0, sizeof set, &set), 0);
}

static void assert_sharers(int wanted)
{
    struct errmsg em = {0};
    int n = 0;
    assert_ok(comm_count_cpu_sharers(world, &n, &em));
    assert_int_equal(n, wanted);
}

static void unbound_ranks_share_all(void **state)
{
    (void)state;
    assert_sharers(comm_world_size(world));
}

static void ranks_on_cpus_of_their_own_share_none(void **state)
{
    (void)state;
    int a = nth_cpu(0), b = nth_cpu(1), n = comm_world_size(world);
    if (b < 0)
        skip();
    bool last = comm_rank(world) == n - 1;
    bind_to(last ? b : a, last ? b : a);
    assert_sharers(last ? 1 : MAX(n - 1, 1));
    bind_to(a, last ? b : a); /* the last one's CPUs are the others', too */
    assert_sharers(n);
}

int main(void)
{
    struct comm_options options = {.backend = COMM_AUTO, .device = "cpu"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unbound_ranks_share_all),
        cmocka_unit_test(ranks_on_cpus_of_their_own_share_none),
    };
    return RUN_ON_RANKS(tests, &options, &world);
}
