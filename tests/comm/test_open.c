/* Opening fails on one rank, under mpirun: all ranks get its reason, and none waits for the others.
 */
#include <errno.h>

#include "base/checked.h"
#include "base/thread.h"
#include "comm_mpi.h"
#include "shared_memory.h"
#include "testing.h"

static int rank, last;
static const char *failing; /* the function that fails on the last rank */

static bool fails(const char *function)
{
    return rank == last && strcmp(function, failing) == 0;
}

int __real_thread_start(pthread_t *out, void *(*run)(void *context), void *context);
int __wrap_thread_start(pthread_t *out, void *(*run)(void *context), void *context);
int __wrap_thread_start(pthread_t *out, void *(*run)(void *context), void *context)
{
    return fails("thread_start") ? EAGAIN : __real_thread_start(out, run, context);
}

#define FAILING(function, parameters, arguments)                                 \
    enum status __real_##function parameters;                                    \
    enum status __wrap_##function parameters;                                    \
    enum status __wrap_##function parameters                                     \
    {                                                                            \
        return fails(#function) ? FAIL(em, ST_MEMORY, "no memory in " #function) \
                                : __real_##function arguments;                   \
    }

FAILING(comm_layout_init,
        (struct comm_layout * l, const int *lowest, int n, int me, struct errmsg *em),
        (l, lowest, n, me, em))
FAILING(mpi_group_init, (struct mpi_group * g, struct errmsg *em), (g, em))
FAILING(node_new,
        (int me, int n, const struct node_limits *limits, struct node **out, struct errmsg *em),
        (me, n, limits, out, em))

static struct comm *c;

static enum status open_failing(const char *function, struct errmsg *em)
{
    static const struct comm_options options = {.backend = COMM_MPI};
    failing = function;
    return comm_open(&options, &c, em);
}

static void all_ranks_fail_together(void **state)
{
    (void)state;
    static const struct {
        const char *function, *reason;
    } cases[] = {
        {"comm_layout_init", "no memory in comm_layout_init"          },
        {"mpi_group_init",   "no memory in mpi_group_init"            },
        {"thread_start",     "cannot start the communication thread: "},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct errmsg em = {0};
        assert_status(open_failing(cases[i].function, &em), ST_MEMORY);
        assert_int_equal(em.rank, last);
        assert_text_has(em.text, cases[i].reason);
    }
}

static void without_shared_memory_on_one_rank_all_use_mpi(void **state)
{
    (void)state;
    struct errmsg em = {0};
    uint64_t flags = UINT64_C(1) << rank;
    assert_ok(open_failing("node_new", &em));
    assert_null(((struct mpi *)c->backend)->shm);
    assert_ok(comm_agree_flags(c, &flags, &em));
    assert_int_equal(flags, (UINT64_C(2) << last) - 1);
    comm_close(c);
}

/* As cloned containers: each rank on a node of its own, with the same host name. */
static void nodes_of_one_name_are_told_apart(void **state)
{
    (void)state;
    static const struct comm_options options = {.backend = COMM_MPI, .ranks_per_node = 1};
    struct errmsg em = {0};
    int sharers;
    void *memory = NULL;
    failing = "";
    assert_ok(comm_open(&options, &c, &em));
    assert_ok(comm_count_cpu_sharers(c, &sharers, &em));
    assert_int_equal(sharers, 1);
    assert_ok(shared_memory_open(c, "test", sizeof rank, &memory, &em));
    assert_non_null(memory);
    *(int *)memory = rank;
    assert_ok(comm_barrier(c, &em));
    assert_int_equal(*(int *)memory, rank);
    shared_memory_close(memory, sizeof rank);
    comm_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ranks_fail_together),
        cmocka_unit_test(without_shared_memory_on_one_rank_all_use_mpi),
        cmocka_unit_test(nodes_of_one_name_are_told_apart),
    };
    int given;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &given);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &last);
    last--;
    if (cmocka_run_group_tests(tests, NULL, NULL) != 0)
        MPI_Abort(MPI_COMM_WORLD, 1); /* the others may be waiting */
    MPI_Finalize();
    return 0;
}
