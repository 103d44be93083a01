/*
 * Ranks that ask for different things, or do not come, under mpirun: an error on every rank that
 * names the odd one, before anything is summed. A failed communicator is over, so each case opens
 * its own.
 */
#include <mpi.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "comm_priv.h"
#include "testing.h"

enum { N = 5000 };

static struct errmsg em;
static int rank, ranks;
static struct comm_options options;
static float range[N];

static struct comm *open_world(void)
{
    struct comm *c;
    em = (struct errmsg){0};
    for (int i = 0; i < N; i++)
        range[i] = 1.0f;
    assert_ok(comm_open(&options, &c, &em));
    return c;
}

/* The odd rank is the last one; with two ranks, the lower one is believed. */
static void assert_named(struct comm *c, struct comm_ticket *ticket, const char *its)
{
    char odd[32];
    snprintf(odd, sizeof odd, "rank %d began", ranks - 1);
    assert_status(comm_wait(c, ticket, 60, &em), ST_INTERNAL);
    assert_text_has(em.text, odd);
    assert_text_has(em.text, its);
    for (int i = 0; i < N; i++)
        assert_true(range[i] == 1.0f);
    /* the first failure is the last collective */
    em = (struct errmsg){0};
    assert_status(comm_barrier(c, &em), ST_INTERNAL);
    assert_text_has(em.text, odd);
    comm_close(c);
}

static void another_count(void **state)
{
    (void)state;
    struct comm *c = open_world();
    struct comm_ticket t = {0};
    size_t count = rank == ranks - 1 ? N - 1 : N;
    assert_ok(comm_all_reduce_begin(c, range, count, COMM_F32, NULL, &t, &em));
    assert_named(c, &t, "collective 1 (all-reduce of 4999 x f32)");
}

static void another_type(void **state)
{
    (void)state;
    struct comm *c = open_world();
    struct comm_ticket t = {0};
    enum comm_dtype dtype = rank == ranks - 1 ? COMM_BF16 : COMM_F32;
    assert_ok(comm_all_reduce_begin(c, range, 100, dtype, NULL, &t, &em));
    assert_named(c, &t, "all-reduce of 100 x bf16");
}

static void another_collective(void **state)
{
    (void)state;
    struct comm *c = open_world();
    struct comm_ticket t = {0};
    if (rank == ranks - 1)
        assert_ok(comm_reduce_scatter_begin(c, range, N, COMM_F32, NULL, &t, &em));
    else
        assert_ok(comm_all_reduce_begin(c, range, N, COMM_F32, NULL, &t, &em));
    assert_named(c, &t, "reduce-scatter of 5000");
}

static void another_root(void **state)
{
    (void)state;
    struct comm *c = open_world();
    struct comm_ticket t = {0};
    int root = rank == ranks - 1 ? 1 : 0;
    assert_ok(comm_broadcast_begin(c, range, N, COMM_F32, root, NULL, &t, &em));
    assert_named(c, &t, "root 1)");
}

static void a_collective_too_many(void **state)
{
    (void)state;
    struct comm *c = open_world();
    struct comm_ticket t = {0};
    if (rank != ranks - 1)
        assert_ok(comm_barrier(c, &em) == ST_INTERNAL ? ST_OK : ST_DATA);
    em = (struct errmsg){0};
    assert_ok(comm_all_reduce_begin(c, range, N, COMM_F32, NULL, &t, &em));
    assert_named(c, &t, "collective 1 (all-reduce of 5000 x f32)");
}

/* Those who wait give up and say for whom; who comes late learns the same. */
static void a_rank_that_does_not_come(void **state)
{
    (void)state;
    if (options.ranks_per_node || options.shm_bytes_max)
        return; /* who is missing is known within a node */
    struct comm *c = open_world();
    struct comm_ticket t = {0};
    char missing[32];
    snprintf(missing, sizeof missing, "missing: rank %d (pid", ranks - 1);
    assert_ok(comm_barrier(c, &em));
    if (rank == ranks - 1)
        MPI_Barrier(MPI_COMM_WORLD);
    assert_ok(comm_all_reduce_begin(c, range, N, COMM_F32, NULL, &t, &em));
    assert_status(comm_wait(c, &t, 0.05, &em), ST_PEER);
    if (rank != ranks - 1)
        MPI_Barrier(MPI_COMM_WORLD);
    assert_text_has(em.text, missing);
    assert_text_has(em.text, "within 0.05 s");
    comm_close(c);
}

/* ---- What the communication thread does meanwhile -------------------------------------------- */

static atomic_bool lingers, inside;

int __real_MPI_Test(MPI_Request *request, int *done, MPI_Status *status);
int __wrap_MPI_Test(MPI_Request *request, int *done, MPI_Status *status);
int __wrap_MPI_Test(MPI_Request *request, int *done, MPI_Status *status)
{
    inside = true;
    if (lingers)
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    int code = __real_MPI_Test(request, done, status);
    inside = false;
    return code;
}

/* The caller frees its memory after a failure: MPI must not be at work on it. */
static void a_deadline_waits_until_mpi_lets_go(void **state)
{
    (void)state;
    if (options.shm_bytes_max == 0)
        return;
    struct comm *c = open_world();
    uint64_t flags = 0;
    assert_ok(comm_barrier(c, &em));
    lingers = rank != ranks - 1;
    if (lingers) {
        comm_set_timeout(c, 0.05);
        assert_status(comm_agree_flags(c, &flags, &em), ST_PEER);
        assert_false(inside);
    }
    lingers = false;
    MPI_Barrier(MPI_COMM_WORLD);
    comm_close(c);
}

enum { MANY = 270 }; /* more than the communication thread's queue holds */

static struct comm_ticket tickets[MANY];

static void *begin_many(void *context)
{
    struct errmsg why = {0};
    struct comm *c = context;
    for (int i = 0; i < MANY; i++)
        if (comm_all_reduce_begin(c, range + i, 1, COMM_F32, NULL, &tickets[i], &why) != ST_OK)
            return &tickets[i];
    return NULL;
}

/* Rank 0 waits for the others, and the watchdog sees that. */
static void a_full_queue_is_a_wait(void **state)
{
    (void)state;
    struct comm *c = open_world();
    pthread_t thread;
    void *failed = NULL;
    if (rank == 0) {
        assert_int_equal(pthread_create(&thread, NULL, begin_many, c), 0);
        while (atomic_load(&c->progress.sequence) < MANY / 2 || !atomic_load(&c->progress.waiting))
            sched_yield();
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0)
        pthread_join(thread, &failed);
    else
        failed = begin_many(c);
    assert_null(failed);
    for (int i = 0; i < MANY; i++)
        assert_ok(comm_wait(c, &tickets[i], COMM_DEFAULT_DEADLINE, &em));
    assert_int_equal(atomic_load(&c->progress.waiting), 0);
    comm_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_count),
        cmocka_unit_test(another_type),
        cmocka_unit_test(another_collective),
        cmocka_unit_test(another_root),
        cmocka_unit_test(a_collective_too_many),
        cmocka_unit_test(a_rank_that_does_not_come),
        cmocka_unit_test(a_deadline_waits_until_mpi_lets_go),
        cmocka_unit_test(a_full_queue_is_a_wait),
    };
    static const struct comm_options ways[] = {
        {.backend = COMM_MPI },
        { .backend = COMM_MPI,  .shm_bytes_max = 1},
        { .backend = COMM_MPI, .ranks_per_node = 1},
        { .backend = COMM_MPI, .ranks_per_node = 2},
    };
    int given, failed = 0;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &given);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    for (size_t w = 0; w < sizeof ways / sizeof *ways && !failed; w++) {
        options = ways[w];
        failed = cmocka_run_group_tests(tests, NULL, NULL);
    }
    if (failed)
        MPI_Abort(MPI_COMM_WORLD, 1); /* the others may be waiting */
    MPI_Finalize();
    return 0;
}
